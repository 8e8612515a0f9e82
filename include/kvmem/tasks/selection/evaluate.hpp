// Measures of rankings of sentences. Of equal scores, wrong sentences come first: ties count as in the worst case.
#pragma once

#include "kvmem/core/ragged.hpp"
#include "kvmem/tasks/selection/dataset.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The candidates by falling score; of equal scores, wrong ones first, then the earlier ones. Throws Error for a score
// that is not finite.
[[nodiscard]] std::vector<Index> worst_case_order(std::span<const Real> scores, std::span<const std::uint8_t> right);

// How well the candidates of each question are ranked.
struct SelectionEvaluation {
    // Questions in all, those without a right answer, and those without a wrong one.
    Index all = 0, unanswered = 0, only_right = 0;
    // One for each question that is measured: average precision, 1 / rank of the first right sentence, and 1 where
    // that is the first. Of a question without a right answer all are 0.
    std::vector<double> average_precision{}, reciprocal_rank{}, first_right{};

    // The number of questions that are measured, and the means.
    Index size() const { return std::ssize(average_precision); }
    double map() const;
    double mrr() const;
    double precision_at_1() const;
};
// Scores are one row for each question. Without `all_questions`, those that have no right answer are left out.
[[nodiscard]] SelectionEvaluation evaluate(std::span<const SelectionQuestion> questions, RaggedView<Real> scores,
                                           bool all_questions = false);

// The mean weight that softmax(scores) gives to the right sentences of a question: smoother than rankings of few
// questions. Questions without a right sentence are left out.
[[nodiscard]] double right_weight(std::span<const SelectionQuestion> questions, RaggedView<Real> scores);

// Answer triggering (Yang, Yih and Meek 2015, section 5): the first sentence is given where its score reaches a
// threshold. Precision is the share of right ones among those given, recall that of the questions with an answer which
// get a right one.
struct Triggering {
    // The threshold, and what it gives.
    double threshold = 0, precision = 0, recall = 0, f1 = 0;
};
// At a threshold, and at the one with the best F1.
[[nodiscard]] Triggering trigger(std::span<const SelectionQuestion> questions, RaggedView<Real> scores,
                                 double threshold);
[[nodiscard]] Triggering best_trigger(std::span<const SelectionQuestion> questions, RaggedView<Real> scores);

// Writes `name`.run and `name`.qrels to a folder, which is made if it is missing, as trec_eval reads them. A sentence
// is called ID-N, from 0. Blanks and controls in ids become "_"; an id that comes again is followed by "_" and the
// number of its question, from 1. Scores are counted down, so that a reader's ties are ours. Throws Error.
void write_trec(const std::filesystem::path& folder, const std::string& name,
                std::span<const SelectionQuestion> questions, RaggedView<Real> scores);

}  // namespace kvmem
