// Key hashing: which slots of a large memory a question reads (Miller et al. 2016, section 3.1).
#pragma once

#include "kvmem/data/qa_dataset.hpp"

#include <span>
#include <vector>

namespace kvmem {

struct RetrieverOptions {
    bool entities_only = true;   // hash on entities, as the authors' program does; otherwise on words as well
    Index max_frequency = 1000;  // tokens in more keys than this are too common to hash on
    Index max_slots = 1000;      // the most that a question reads
};

// An inverted index from tokens to the slots whose key holds them. Reading is safe from several threads.
class Retriever {
  public:
    // The memory and the vocabulary are looked at here only.
    Retriever(const Slots& memory, const Vocabulary& vocabulary, const RetrieverOptions& options = {});

    // The slots that share a token with the question, rising, no slot twice; of more than max_slots the first. When all
    // tokens that could be hashed on are too common, the rarest of them is used after all.
    std::vector<Index> retrieve(std::span<const Token> question) const;

  private:
    std::span<const Index> bucket(Token token) const;

    RetrieverOptions options_;
    std::vector<Index> offsets_;  // of each token's bucket
    std::vector<Index> slots_;
};

// How much of what is asked for can be reached at all.
struct RetrievalReport {
    Index questions = 0;
    Index answerable = 0;            // have a gold answer
    Index found = 0;                 // some gold answer is the value of a retrieved slot
    Index without_slots = 0;         // nothing retrieved
    Index slots = 0;                 // retrieved in all
    Index gold = 0, gold_found = 0;  // gold answers, and those among the values of the retrieved slots
};
RetrievalReport report_retrieval(const QaDataset& dataset, const Split& split, const Retriever& retriever);

}  // namespace kvmem
