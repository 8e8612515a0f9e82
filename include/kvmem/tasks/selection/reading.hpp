// A question and its candidates as models read them: words with vectors, and features that are computed without
// training.
//
// The features of a candidate are numbers of about the size of 1. They say how much of the question it has (weighted by
// inverse document frequency, with stems, with and without function words, by BM25, by likeness of vectors, in its
// neighbours), where it stands, how long it is, what of title and heading it has, and which kinds of things it has
// that the question lacks: numbers, years, names. Those of the first kind come three times: by themselves, less the
// best of the list, and whether they are that best.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/tasks/selection/dataset.hpp"
#include "kvmem/tasks/selection/lexicon.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// What was read of a question.
struct ReadQuestion {
    Ragged<Token> words{};        // numbers of different words: row 0 is the question, then a row for each candidate
    std::vector<Token> rows{};    // of each word: its row of the lexicon's vectors, or ~row of `drawn`
    Matrix drawn{};               // [words without vectors, width]
    std::vector<Real> weights{};  // of each word: its idf over that of a word that was never seen
    Matrix matches{};             // [words of all candidates, match_columns]
    Matrix features{};            // [candidates, feature_names().size()]
    Matrix kinds{};               // [candidates, kind_names().size()]: 1 where a candidate has such things
    Index question_class = 0;     // below class_names().size()
    std::vector<Token> focus{};   // of the words of the question behind its question word
    std::vector<std::uint8_t> right{};  // as in SelectionQuestion

    // Whether the question has the word, whether it has the stem, and the word's weight.
    static constexpr Index match_columns = 3;
    // The number of candidates.
    Index size() const { return std::ssize(right); }
    // Writes the vectors of all words to `out` [words, width].
    void copy_vectors(const SentenceLexicon& lexicon, View out) const;
};

// Throws Error for text that is not UTF-8, for a question that is empty or has no sentences, and for another number of
// labels than of sentences; labels that are unknown are 0.
[[nodiscard]] ReadQuestion read_question(const SelectionQuestion& question, const SentenceLexicon& lexicon);
// The same of many, on all threads.
[[nodiscard]] std::vector<ReadQuestion> read_questions(std::span<const SelectionQuestion> questions,
                                                       const SentenceLexicon& lexicon);

// The names of the columns: of features, of kinds of things, and of the classes of questions.
[[nodiscard]] const std::vector<std::string>& feature_names();
[[nodiscard]] std::span<const char* const> kind_names();
[[nodiscard]] std::span<const char* const> class_names();

// The columns of features that rank sentences without training: BM25 (Robertson and Zaragoza 2009) with idf and mean
// length of the lexicon, and the number of different words that question and sentence share over the question's.
[[nodiscard]] Index bm25_feature();
[[nodiscard]] Index overlap_feature();

}  // namespace kvmem
