// Key hashing: selects the slots of a large memory that a question reads (Miller et al. 2016, section 3.1).
#pragma once

#include "kvmem/kernels/facts.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/train/settings.hpp"

#include <span>
#include <vector>

namespace kvmem {

// Which slots of a shared memory a question reads.
enum class Retrieval {
    question,  // slots whose key shares a token with the question
    hops,      // the same, then in each hop slots whose key shares a token with values that the last hop found
    whole,     // no slots: the model reads the whole memory by its keys (Facts)
};

inline std::span<const char* const> choices(Retrieval) {
    static constexpr const char* names[] = {"question", "hops", "whole"};
    return names;
}

// How slots are found.
struct RetrieverOptions {
    // Which slots are found.
    Retrieval strategy = Retrieval::question;
    Index hops = 2;              // of Retrieval::hops
    bool entities_only = true;   // hash entities, as the authors' program does; otherwise words too
    Index max_frequency = 1000;  // tokens in more keys are too common to hash
    Index max_slots = 1000;      // that one question reads

    // The settings of models that find slots by a hash. The hops are the model's own.
    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("retrieval", c.strategy,
              "slots by a hash of the question, or again for each of the hops: question or hops");
        field("hash_entities_only", c.entities_only, "find slots by entities only, not by words too");
        field("max_frequency", c.max_frequency, Range::from(1), "tokens in more keys are too common to find slots by");
        field("max_slots", c.max_slots, Range::from(1), "slots that a question reads, at most");
    }
};

// An inverted index from tokens to the slots whose keys hold them. Several threads may read it at once.
class Retriever {
  public:
    // Only Retrieval::hops needs the memory later: it must then outlive the retriever.
    Retriever(const Slots& memory, const Vocabulary& vocabulary, const RetrieverOptions& options = {});

    // The slots that a question reads, rising and distinct. Beyond max_slots, earlier hops win, and in one hop lower
    // slots. If all tokens of the question are too common to hash, the rarest of them serves after all.
    std::vector<Index> retrieve(std::span<const Token> question) const;
    // The slots that each hop adds; only Retrieval::hops has several hops.
    std::vector<std::vector<Index>> retrieve_by_hop(std::span<const Token> question) const;

    // The number of hops that find slots.
    Index hops() const { return options_.strategy == Retrieval::question ? 1 : options_.hops; }
    // The slots whose keys have this token, rising, as far as it is hashed.
    std::span<const Index> bucket(Token token) const;
    // The memory of Retrieval::whole; null for other strategies.
    const Facts* facts() const { return options_.strategy == Retrieval::whole ? &facts_ : nullptr; }

  private:
    RetrieverOptions options_;
    const Slots* memory_;
    std::vector<Index> offsets_;  // token t has slots_[offsets_[t] .. offsets_[t + 1])
    std::vector<Index> slots_;
    Facts facts_;
};

// The relations of a vocabulary, rising. Facts number relations by their place here.
std::vector<Token> relations_of(const Vocabulary& vocabulary);
// The slots [entity, relation] -> [entity] of a memory as facts; ignores other slots.
Facts facts_of(const Slots& memory, const Vocabulary& vocabulary);
// Whether any slot of the data set's memory is such a fact.
bool holds_facts(const QaDataset& dataset);

// How many answers retrieval reaches at all: the bound for any attention.
struct RetrievalReport {
    // The questions of the split.
    Index questions = 0;
    Index answerable = 0;            // questions with a gold answer
    Index found = 0;                 // questions with a gold answer in the value of a retrieved slot
    Index without_slots = 0;         // questions with no retrieved slot
    Index slots = 0;                 // retrieved slots in total
    Index gold = 0, gold_found = 0;  // gold answers, and those among the values of the retrieved slots
};
// For Retrieval::whole, each entity within options.hops facts counts as retrieved, and slots are not counted.
RetrievalReport report_retrieval(const QaDataset& dataset, const Split& split, const Retriever& retriever);

// The same by task and hop: element [task][hop] counts what hops 0 to `hop` found. A split without tasks is one task.
std::vector<std::vector<RetrievalReport>> report_retrieval_by_hop(const QaDataset& dataset, const Split& split,
                                                                  const Retriever& retriever);

}  // namespace kvmem
