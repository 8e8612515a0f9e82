// Metrics of a model's answers to a split, and whether its attention finds the supporting slots.
#pragma once

#include "kvmem/tasks/qa/model.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// Every question counts, also one without a right answer among the candidates, which no model can hit. All candidates
// are ranked, equal scores in the order of the candidates. A question with a score that is not finite counts as missed.
struct Metrics {
    // The number of all questions.
    Index questions = 0;
    double hits_at_1 = 0;             // share of questions whose first candidate is right
    double hits_at_10 = 0;            // ... with a right candidate among the first ten
    double mean_reciprocal_rank = 0;  // of the best right candidate, where a question without one adds 0
    // Mean F1 of two sets: the right answers, and the candidates with at least half of the first one's weight.
    double f1 = 0;
    // Mean of -log p(best right candidate) among all candidates but the other right ones, over the questions with a
    // right candidate and finite scores; 0 without any.
    double loss = 0;
};

// The result of one question.
struct Outcome {
    Index rank = 0;          // of the best right candidate, from 1; 0: none, or scores that are not finite
    double loss = 0;         // as in Metrics
    double f1 = 0;           // as in Metrics
    Index task = -1;         // its number in QaDataset::tasks; -1: none
    bool answerable = true;  // whether some answer is right
    // Of a model that follows facts (AttentionTrace::certainty), otherwise 1.
    double certainty = 1;
    Token given = unknown_token;  // the first candidate, if any has a score
    // With Trace::attention and supporting slots: whether each hop has its largest weight on one of them.
    struct HopSupport {
        bool mean = false;  // by the mean over its heads
        bool head = false;  // by at least one head
    };
    std::vector<HopSupport> hops;
    bool all_support = false;  // each supporting slot has the largest weight of some head of some hop
    double chance = 0;         // the share of supporting slots among its slots
    // With Trace::attention and a model that follows facts: the relations on the path to the first candidate.
    std::vector<Token> path;
};

// What answer_all() notes besides the answers.
enum class Trace { none, attention };

// Answers all questions of a split, in its order. `dataset` holds the split's memory in the model's tokens. Threads
// call `progress` with the number of questions done. The result is bit-reproducible on any number of threads. A
// question whose retrieval finds no slot is ranked by the question alone, where Answerer gives no answer.
std::vector<Outcome> answer_all(const Model& model, const QaDataset& dataset, const Split& split,
                                const Retriever& retriever, Trace trace = Trace::none,
                                const std::function<void(Index done)>& progress = {});
Metrics metrics_of(std::span<const Outcome> outcomes);

// The metrics of answer_all().
Metrics evaluate(const Model& model, const QaDataset& dataset, const Split& split, const Retriever& retriever,
                 const std::function<void(Index done)>& progress = {});

// How often an answer is given, by a limit of certainty: to questions with a right answer, and to those without.
struct RefusalReport {
    Index answerable = 0, answered = 0;   // questions with a right answer, and those of them that get an answer
    Index unanswerable = 0, refused = 0;  // the others, and those of them that get none
};
RefusalReport refusals_of(std::span<const Outcome> outcomes, double min_certainty);

// The certainty that a share of the answerable questions reaches; 0 without any.
double certainty_reached(std::span<const Outcome> outcomes, double share);

// How often hops find the supporting slots, over the questions with supporting slots and traced attention. The top slot
// of a hop has the largest weight above 0, the first of equal ones: by one head, or by the mean over heads, which
// serves this ranking alone. A supporting top slot is neither needed for a right answer nor enough for it.
struct SupportReport {
    // The number of the questions that count.
    Index questions = 0;
    // How often a hop finds a supporting slot.
    struct HopRates {
        double mean = 0;  // share of questions whose top slot by the mean over heads is supporting
        double head = 0;  // ... whose top slot by at least one head is
    };
    // The rates of each hop, from 0.
    std::vector<HopRates> hops;
    double all_support = 0;  // share of questions whose supporting slots are all top slots of some head of some hop
    double chance = 0;       // mean share of supporting slots among a question's slots: the rate of a random slot
};
// The report of these outcomes; all zero without traced attention.
SupportReport support_of(std::span<const Outcome> outcomes);

// The questions of one task.
struct TaskReport {
    static constexpr double allowed_error = 0.05;  // the field's convention for bAbI

    // The task's name, and the number of its questions.
    std::string name;
    Index questions = 0;
    double error = 0;  // share of questions whose first candidate is wrong
    double f1 = 0;     // as in Metrics
    // What hops read, if attention was traced.
    SupportReport support;
    std::vector<Token> path;  // the most frequent path, if facts were followed
    double path_share = 0;    // the share of questions with this path

    // Whether the error is larger than the convention allows.
    bool failed() const { return error > allowed_error; }
};
// A report for each task with questions, in the order of `tasks`.
std::vector<TaskReport> reports_by_task(std::span<const Outcome> outcomes, const std::vector<std::string>& tasks);
double mean_error(std::span<const TaskReport> tasks);  // of tasks with equal weights
Index failed_tasks(std::span<const TaskReport> tasks);

}  // namespace kvmem
