// Vectors of words that other programs have learned from large texts: GloVe (Pennington et al. 2014), word2vec (Mikolov
// et al. 2013), fastText (Bojanowski et al. 2017).
#pragma once

#include "kvmem/core/matrix.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// Words with a vector each, the most frequent word first where the file has this order. Immutable: copies share the
// words and numbers, and several threads may read. Spans and references are valid for the life of any copy.
class WordVectors {
  public:
    // No words.
    WordVectors();
    // Row i of `vectors` [n, D] belongs to words[i]; of equal words the first one counts. Throws Error for another
    // number of words, for words that are empty or not UTF-8, and for numbers that are not finite.
    WordVectors(std::vector<std::string> words, Matrix vectors);

    // The number of words, and of numbers of each vector.
    Index size() const;
    Index width() const;
    bool empty() const { return size() == 0; }
    // The words, and their vectors [size, width], both in the order of the rows.
    const std::vector<std::string>& words() const;
    ConstView matrix() const;

    // The row of a word: that of the same spelling, otherwise that of its lower case, otherwise the first one in the
    // same lower case.
    std::optional<Index> row(std::string_view word) const;
    // Its vector [width], or an empty span.
    std::span<const Real> find(std::string_view word) const;

    // Writes the vector of any text [width]: that of the word; of several words the mean over those that have one; of
    // an unknown word the mean over the words of most similar spelling, which share n-grams of letters with it. Returns
    // false, with zeros, where nothing is similar. The first call for an unknown word indexes the n-grams of all words.
    // Throws Error for an `out` of another size.
    bool estimate(std::string_view text, std::span<Real> out) const;

  private:
    struct Impl;
    std::shared_ptr<const Impl> impl_;
};

// Which words are read, and where the words of a file of numbers alone are.
struct WordVectorsOptions {
    Index max_words = 0;                              // the first ones that `keep` takes; 0: all
    std::function<bool(std::string_view)> keep = {};  // whether a word is read; empty: every word
    std::filesystem::path words = {};                 // the file of words, one in each line; empty: see below
};

// Reads vectors in the format that the path's extension names. Throws Error for a file of another format, one that is
// damaged or has no words, and one that takes more than half of the process's memory. The formats are:
// - .bin: word2vec's binary format, a heading "N D" and for each word its text, a space and D floats;
// - .npy, .npz, .fvecs: the numbers (io/vectors.hpp), with the words in a file beside it: of the same name with the
//   extension .txt, otherwise words.txt;
// - .h5 and .hdf5: what write_word_vectors() wrote, or a model of next sentences;
// - .gz: .bin and text, by the ending before it;
// - any other: text of GloVe, word2vec or fastText (.vec), as parse_vectors() reads it.
// Bytes of a word that are no UTF-8 become U+FFFD.
WordVectors read_word_vectors(const std::filesystem::path& path, const WordVectorsOptions& options = {});

// Replaces the file at `path` (HDF5, format "kvmem-vectors"), all or nothing. Throws Error.
void write_word_vectors(const std::filesystem::path& path, const WordVectors& vectors);

}  // namespace kvmem
