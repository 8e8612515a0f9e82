// How well a model answers a split's questions, and whether it read what the answers rest on.
#pragma once

#include "kvmem/tasks/qa/model.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// Every question counts, also one without a right answer among the candidates, which no model can hit. All
// candidates are ranked; a question with a score that is not finite is missed; equal scores in the order of the
// candidates.
struct Metrics {
    Index questions = 0;
    double hits_at_1 = 0;             // share of the questions whose first candidate is right
    double hits_at_10 = 0;            // ... that have a right one among the first ten
    double mean_reciprocal_rank = 0;  // of the best right candidate; 0 where there is none
    // Mean over the questions of the F1 of two sets: the right answers, and the candidates that have at least half of
    // the weight of the first.
    double f1 = 0;
    // Mean of -log p(best right candidate) among all candidates without the other right ones, over the questions that
    // have one and scores that are finite; 0 when there are none.
    double loss = 0;
};

// What became of one question.
struct Outcome {
    Index rank = 0;   // from 1, of the best right candidate; 0: missed, there is none or the scores are not finite
    double loss = 0;  // as in Metrics
    double f1 = 0;    // as in Metrics
    Index task = -1;  // its number in QaDataset::tasks; -1: none is known
    // Where the reading was looked at, and the question has supporting slots: of each hop, whether it read one of them
    // most.
    struct HopSupport {
        bool mean = false;  // by the mean of its heads' weights
        bool head = false;  // by the weights of one head at least
    };
    std::vector<HopSupport> hops;
    bool all_support = false;  // each of its supporting slots is what some head of some hop read most
    double chance = 0;         // the share of its slots that are supporting ones
    // Where the reading was looked at, of a model that follows facts: the relations on the path to the first candidate.
    std::vector<Token> path;
};

enum class Trace { none, attention };

// Asks all questions of a split, in its order. `dataset` holds the split's memory, in the model's own tokens;
// `progress` is called with the number of questions done, from several threads. The result has the same bits on any
// number of threads.
std::vector<Outcome> answer_all(const Model& model, const QaDataset& dataset, const Split& split,
                                const Retriever& retriever, Trace trace = Trace::none,
                                const std::function<void(Index done)>& progress = {});
Metrics metrics_of(std::span<const Outcome> outcomes);

// The metrics of answer_all().
Metrics evaluate(const Model& model, const QaDataset& dataset, const Split& split, const Retriever& retriever,
                 const std::function<void(Index done)>& progress = {});

// How often models read what the answer rests on, over the questions with supporting slots whose reading was looked
// at. The slot that a hop reads most is the one of the largest weight above 0, the first of equal ones: by the mean of
// the weights of its heads, which serves this ranking alone, or of one head. Reading a supporting slot most is not
// needed to be right, and does not make an answer right.
struct SupportReport {
    Index questions = 0;
    struct HopRates {
        double mean =
            0;  // share of the questions of which the hop, by the mean of its heads, reads a supporting slot most
        double head = 0;  // ... of which at least one of its heads does
    };
    std::vector<HopRates> hops;
    double all_support = 0;  // share of which each supporting slot is what some head of some hop reads most
    double chance = 0;       // mean share of a question's slots that are supporting: what a slot picked at random is
};
SupportReport support_of(std::span<const Outcome> outcomes);

// The questions of one task.
struct TaskReport {
    static constexpr double allowed_error = 0.05;  // the field's convention for bAbI

    std::string name;
    Index questions = 0;
    double error = 0;  // share whose first candidate is wrong
    double f1 = 0;     // as in Metrics
    SupportReport support;
    std::vector<Token> path;  // the relations most often followed, if any were
    double path_share = 0;    // the share of questions for which they were

    bool failed() const { return error > allowed_error; }
};
// Of each task that has questions, in the order of `tasks`.
std::vector<TaskReport> reports_by_task(std::span<const Outcome> outcomes, const std::vector<std::string>& tasks);
double mean_error(std::span<const TaskReport> tasks);  // over tasks, each counting the same
Index failed_tasks(std::span<const TaskReport> tasks);

}  // namespace kvmem
