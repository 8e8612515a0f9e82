// Questions of training in other words. Not installed.
#pragma once

#include "kvmem/core/rng.hpp"
#include "kvmem/kernels/facts.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <vector>

namespace kvmem {

// The phrasings of a split's questions by what they ask for, and more of them that substitute() makes. The path of a
// phrasing is the one of at most `max_hops` relations that leads most exactly from the names to the answers of some of
// its questions. Questions that name two things or none, phrasings with one question, those without such a path, and
// all but the 10,000 most frequent phrasings stay as they are. Several threads may read it.
class Paraphrases {
  public:
    // Split and vocabulary must outlive the object.
    Paraphrases(const Split& questions, const Vocabulary& vocabulary, const Facts& facts, Index max_hops);

    // The number of phrasings that were made.
    [[nodiscard]] Index made() const { return made_; }
    // A question of the split in a random phrasing of its path; as it is if no other phrasing is known.
    [[nodiscard]] std::vector<Token> rewrite(Index question, Rng& rng) const;

  private:
    const Split& questions_;
    const Vocabulary& vocabulary_;
    std::vector<std::vector<std::vector<Token>>> phrasings_;  // of each path
    std::vector<Index> path_;                                 // of each question; -1: not known
    Index made_ = 0;
};

}  // namespace kvmem
