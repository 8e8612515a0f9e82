// The words of training that have vectors near to that of another word. Not installed.
#pragma once

#include "kvmem/io/word_vectors.hpp"
#include "kvmem/text/vocabulary.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace kvmem {

// Compares vectors by the cosine, after the mean of all vectors is taken from them: what all words share says nothing
// (Mu and Viswanath 2018, "All-but-the-Top"). Several threads may read it.
class NearWords {
  public:
    // The words of training are those that the vocabulary counts.
    NearWords(WordVectors vectors, const Vocabulary& vocabulary);

    const WordVectors& vectors() const { return vectors_; }

    // Writes the direction of a word [width], a unit vector. Returns false, with zeros, for a word without a vector, or
    // with one of no finite direction.
    bool direction(std::string_view word, std::span<Real> out) const;
    // The same of the word in a row of the vectors.
    bool direction(Index row, std::span<Real> out) const;
    // The rows of up to ten other words in near directions, the nearest first.
    std::vector<Index> neighbours(Index row) const;
    // The word of training in the nearest direction, or unknown_token where none is near.
    Token nearest(std::string_view word) const;

  private:
    bool normalize(std::span<Real> out) const;

    WordVectors vectors_;
    std::vector<Real> mean_;
    std::vector<double> inverse_norms_;  // of the first vectors without the mean
    std::vector<Token> tokens_;          // of the words of training that have vectors
    Matrix directions_;                  // of each
};

}  // namespace kvmem
