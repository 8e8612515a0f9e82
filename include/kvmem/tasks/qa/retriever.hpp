// Key hashing: which slots of a large memory a question reads (Miller et al. 2016, section 3.1).
#pragma once

#include "kvmem/kernels/facts.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <span>
#include <vector>

namespace kvmem {

enum class Retrieval {
    question,  // slots whose key shares a token with the question: hashed once
    hops,      // hashed again for each hop, on the values of what the hop before found
    whole,     // none: the model reads the whole memory by its keys (Facts)
};

inline std::span<const char* const> choices(Retrieval) {
    static constexpr const char* names[] = {"question", "hops", "whole"};
    return names;
}

struct RetrieverOptions {
    Retrieval strategy = Retrieval::question;
    Index hops = 2;              // of Retrieval::hops
    bool entities_only = true;   // hash on entities, as the authors' program does; otherwise on words as well
    Index max_frequency = 1000;  // tokens in more keys than this are too common to hash on
    Index max_slots = 1000;      // the most that a question reads
};

// An inverted index from tokens to the slots whose key holds them. Reading is safe from several threads.
class Retriever {
  public:
    // The vocabulary is looked at here only; the memory must outlive a retriever of Retrieval::hops.
    Retriever(const Slots& memory, const Vocabulary& vocabulary, const RetrieverOptions& options = {});

    // The slots that a question reads, rising, no slot twice. Of more than max_slots the first: those of earlier hops,
    // and of one hop the lowest. When all tokens of the question that could be hashed on are too common, the rarest of
    // them is used after all.
    std::vector<Index> retrieve(std::span<const Token> question) const;
    // The slots that each hop adds; one hop but for Retrieval::hops.
    std::vector<std::vector<Index>> retrieve_by_hop(std::span<const Token> question) const;

    Index hops() const { return options_.strategy == Retrieval::question ? 1 : options_.hops; }
    // The memory of Retrieval::whole; null for other strategies.
    const Facts* facts() const { return options_.strategy == Retrieval::whole ? &facts_ : nullptr; }

  private:
    std::span<const Index> bucket(Token token) const;
    std::vector<Index> find(std::span<const Token> tokens, bool or_rarest) const;

    RetrieverOptions options_;
    const Slots* memory_;
    std::vector<Index> offsets_;  // of each token's bucket
    std::vector<Index> slots_;
    Facts facts_;
};

// The relations of a vocabulary, rising: their places are the numbers that Facts go by.
std::vector<Token> relations_of(const Vocabulary& vocabulary);
// The slots [entity, relation] -> [entity] of a memory as facts of the vocabulary's tokens; others are left out.
Facts facts_of(const Slots& memory, const Vocabulary& vocabulary);

// How much of what is asked for can be reached at all, before any attention is learned.
struct RetrievalReport {
    Index questions = 0;
    Index answerable = 0;            // have a gold answer
    Index found = 0;                 // some gold answer is the value of a retrieved slot
    Index without_slots = 0;         // nothing retrieved
    Index slots = 0;                 // retrieved in all
    Index gold = 0, gold_found = 0;  // gold answers, and those among the values of the retrieved slots
};
// Of Retrieval::whole, what is reached by any facts in options.hops hops counts as retrieved; slots are not counted.
RetrievalReport report_retrieval(const QaDataset& dataset, const Split& split, const Retriever& retriever);

// The same after each hop, of the questions of each task: element [task][hop], hop h counting what hops 0..h found. A
// split without tasks is one task.
std::vector<std::vector<RetrievalReport>> report_retrieval_by_hop(const QaDataset& dataset, const Split& split,
                                                                  const Retriever& retriever);

}  // namespace kvmem
