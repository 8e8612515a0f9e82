// Words of similar spelling. Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// A word by its number, and how much of its spelling another word shares, above 0 and at most 1.
struct SimilarWord {
    Index word;
    double share;
};

// An index of words by their spelling (text/spelling.hpp). Several threads may read it.
class SimilarSpelling {
  public:
    explicit SimilarSpelling(std::span<const std::string> words);

    // The words with the largest shares, which are at least `min_share`; of equal ones the first. A share is the cosine
    // between the words' sets of n-grams, in which rare n-grams weigh more.
    std::vector<SimilarWord> find(std::string_view word, std::size_t count, double min_share) const;

  private:
    std::span<const std::uint32_t> words_with(Token gram) const;
    double weight(Token gram) const;

    std::vector<std::size_t> offsets_;  // of each n-gram's words
    std::vector<std::uint32_t> words_;
    std::vector<float> weights_;  // of all n-grams of each word
};

}  // namespace kvmem
