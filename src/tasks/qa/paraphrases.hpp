// Questions of training in other words. Not installed.
#pragma once

#include "kvmem/core/rng.hpp"
#include "kvmem/kernels/facts.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <vector>

namespace kvmem {

// The phrasings of a split's questions by what they ask for, and more of them that substitute() makes. Names side by
// side are one name, as the linker writes those that a text may mean.
//
// The path of a phrasing is one of at most three relations, and `max_hops`, from names to answers, which four of its
// questions tell. It reaches all of their answers and few other entities: the answers are three quarters or more of
// what it reaches, in the mean. A question stays as it is if it names nothing or things in several places, if its
// phrasing has one question or over 64 words, and if no path or several equal ones lead to the answers. Of more than
// 10,000 phrasings the most frequent ones count. Several threads may read it.
class Paraphrases {
  public:
    // Split and vocabulary must outlive the object.
    Paraphrases(const Split& questions, const Vocabulary& vocabulary, const Facts& facts, Index max_hops);

    // The number of phrasings that were made.
    [[nodiscard]] Index made() const { return made_; }
    // A question of the split in a random phrasing of its path, which may be its own.
    [[nodiscard]] std::vector<Token> rewrite(Index question, Rng& rng) const;

  private:
    const Split& questions_;
    const Vocabulary& vocabulary_;
    std::vector<std::vector<std::vector<Token>>> phrasings_;  // of each path
    std::vector<Index> path_;                                 // of each question; -1: not known
    Index made_ = 0;
};

}  // namespace kvmem
