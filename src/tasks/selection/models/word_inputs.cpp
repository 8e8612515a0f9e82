#include "tasks/selection/models/word_inputs.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kvmem {

Matrix stacked(std::span<const ReadQuestion* const> questions, Matrix ReadQuestion::*column) {
    Index rows = 0;
    for (const ReadQuestion* question : questions) rows += (question->*column).rows();
    Matrix all(rows, (questions[0]->*column).cols());
    Real* next = all.data();
    for (const ReadQuestion* question : questions)
        next = std::ranges::copy((question->*column).view().span(), next).out;
    return all;
}

Matrix stacked_vectors(std::span<const ReadQuestion* const> questions, const SentenceLexicon& lexicon) {
    Index words = 0;
    for (const ReadQuestion* question : questions) words += std::ssize(question->rows);
    Matrix vectors(words, lexicon.width());
    Index first = 0;
    for (const ReadQuestion* question : questions) {
        question->copy_vectors(lexicon, vectors.view().middle_rows(first, std::ssize(question->rows)));
        first += std::ssize(question->rows);
    }
    return vectors;
}

Var vector_inputs(Tape& tape, Matrix vectors) {
    for (Real& number : vectors.view().span()) number *= std::sqrt(static_cast<Real>(vectors.cols()));
    return tape.constant(std::move(vectors));
}

// Of the words of the questions: each is in the question, and has its weight.
static Matrix matches_of(std::span<const ReadQuestion* const> questions) {
    const Matrix candidates = stacked(questions, &ReadQuestion::matches);
    Index words = 0;
    for (const ReadQuestion* question : questions) words += std::ssize(question->words[0]);
    Matrix all(words + candidates.rows(), ReadQuestion::match_columns);
    Index row = 0;
    for (const ReadQuestion* question : questions)
        for (const Token word : question->words[0]) {
            all(row, 0) = all(row, 1) = 1;
            all(row++, 2) = question->weights[static_cast<std::size_t>(word)];
        }
    std::ranges::copy(candidates.view().span(), all.row(row));
    return all;
}

WordInputs word_inputs(Tape& tape, std::span<const ReadQuestion* const> questions, const SentenceLexicon& lexicon,
                       const char* model) {
    require_shape(!questions.empty(), model, "one question or more");
    WordInputs in;
    const auto add = [&](std::span<const Token> words, Index first_row) {
        for (const Token word : words) in.rows.push_back(first_row + word);
        in.sequences.push_back(std::ssize(in.rows));
    };
    std::vector<Index> first_rows;
    first_rows.reserve(questions.size());
    Index rows = 0;
    for (const ReadQuestion* question : questions) {
        first_rows.push_back(rows);
        add(question->words[0], rows);
        rows += std::ssize(question->rows);
    }
    for (std::size_t i = 0; i < questions.size(); ++i) {
        for (Index c = 0; c < questions[i]->size(); ++c) {
            add(questions[i]->words[c + 1], first_rows[i]);
            in.question_of.push_back(static_cast<Index>(i));
        }
        in.lists.push_back(std::ssize(in.question_of));
    }
    in.vectors = vector_inputs(tape, stacked_vectors(questions, lexicon));
    in.matches = tape.constant(matches_of(questions));
    return in;
}

}  // namespace kvmem
