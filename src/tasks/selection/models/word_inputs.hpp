// The words of questions and candidates as constants of a tape, for models that read them. Not installed.
#pragma once

#include "kvmem/autograd/ops.hpp"
#include "kvmem/tasks/selection/reading.hpp"

#include <span>
#include <vector>

namespace kvmem {

// All rows of a column of the questions, one below the other.
Matrix stacked(std::span<const ReadQuestion* const> questions, Matrix ReadQuestion::*column);
// The vectors of the different words of all questions, of length 1.
Matrix stacked_vectors(std::span<const ReadQuestion* const> questions, const SentenceLexicon& lexicon);

// Vectors of length 1 with numbers of the size of 1, as maps expect them.
Var vector_inputs(Tape& tape, Matrix vectors);

// The words of a batch: those of all questions, then those of all candidates.
struct WordInputs {
    Var vectors;                       // [different words, width], numbers of the size of 1
    std::vector<Index> rows{};         // of each word, in `vectors`
    Var matches;                       // [words, match_columns]; a question has its own words
    std::vector<Index> sequences{0};   // where the words of each question begin, then those of each candidate
    std::vector<Index> question_of{};  // of each candidate
    std::vector<Index> lists{0};       // where the candidates of each question begin

    [[nodiscard]] Index questions() const { return std::ssize(lists) - 1; }
    [[nodiscard]] Index candidates() const { return std::ssize(question_of); }
};
// Throws Error, which names the model, for no questions.
WordInputs word_inputs(Tape& tape, std::span<const ReadQuestion* const> questions, const SentenceLexicon& lexicon,
                       const char* model);

}  // namespace kvmem
