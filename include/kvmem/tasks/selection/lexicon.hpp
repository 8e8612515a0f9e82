// What a model of sentences knows of words: vectors, and how many training sentences have a stem.
//
// Several threads may read a lexicon at once.
#pragma once

#include "kvmem/io/word_vectors.hpp"
#include "kvmem/tasks/selection/dataset.hpp"
#include "kvmem/text/vocabulary.hpp"
#include "kvmem/train/settings.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace kvmem {

namespace hdf5 {
class Reader;
class Writer;
}  // namespace hdf5

// The word vectors that a model of sentences is made with.
struct SentenceVectors {
    std::filesystem::path vectors{};  // a file of word vectors; "": none
    Index vector_words = 20000;       // first words of it that the model has besides those of the data

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("vectors", c.vectors);
        field("vector_words", c.vector_words, Range{0, 1e7},
              "first words of --vectors to take besides those of the data");
    }
};

// Words as a model of sentences knows them.
struct SentenceLexicon {
    std::string language = "english";  // of stems: a name of Snowball's, or "none"
    Index sentences = 0;               // of training
    double mean_words = 1;             // of a training sentence
    Vocabulary stems{};                // with the number of training sentences that have each
    WordVectors vectors{};             // of length 1, or none at all

    // The width of a vector.
    Index width() const { return vectors.empty() ? drawn_width : vectors.width(); }
    // Writes a vector of length 1 for a word in lower case that has none: numbers that are drawn from its text, so that
    // it is like itself alone.
    void draw(std::string_view word, std::span<Real> out) const;
    // The inverse document frequency log(1 + (N - n + 1/2) / (n + 1/2)) of a stem that n of N sentences have.
    double idf(std::string_view stem) const;

    // Whether all words, numbers and counts are equal.
    bool operator==(const SentenceLexicon& other) const;

    static constexpr Index drawn_width = 50;  // without vectors
};

// Counts the stems of the training split. Of the vectors it takes those that WordVectors::row() finds for the words of
// all splits, and those of the first `words` words. Throws Error.
[[nodiscard]] SentenceLexicon make_lexicon(const SentencesDataset& dataset, const WordVectors& vectors, Index words,
                                           const std::string& language = "english");

// In the group /lexicon of a model's file. Reading throws Error with the name of the file.
void write_lexicon(hdf5::Writer& file, const SentenceLexicon& lexicon);
[[nodiscard]] SentenceLexicon read_lexicon(const hdf5::Reader& file);

}  // namespace kvmem
