// Evaluation of recommenders: all items are ranked for each query, and measured by classes, with intervals.
#pragma once

#include "kvmem/tasks/recommendation/metrics.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kvmem {

// What is to be foreseen: each event by itself, or all items of a user's first basket of the split.
enum class Targets { item, basket };
inline std::span<const char* const> choices(Targets) {
    static constexpr const char* names[] = {"item", "basket"};
    return names;
}
// What items of the history are: candidates as all others; no candidates; or no candidates and no targets, so that a
// query whose targets are all seen is left out.
enum class Seen { in, out, only_new };
inline std::span<const char* const> choices(Seen) {
    static constexpr const char* names[] = {"in", "out", "only-new"};
    return names;
}

// What is measured, of which events.
struct EvaluationOptions {
    // The split; what a query wants; which items are candidates; the length of a list.
    EventMark mark = EventMark::test;
    Targets targets = Targets::item;
    Seen seen = Seen::in;
    Index k = 10;
    bool strict = false;    // whether histories end before the target's second, not only before its basket
    Index min_history = 1;  // queries of shorter histories are left out
    Index max_queries = 0;  // evenly over the users; 0: all
    bool alive = true;      // measure the AUC against items that are alive at the time, too
};

// The usual targets and seen items of a data set: baskets where events have any, and seen items as candidates where at
// least one in a hundred training events repeats an item of its user.
[[nodiscard]] EvaluationOptions usual_evaluation(const EventsDataset& dataset, Index group = 0);

// A moment of a user, and what came next.
struct RankingQuery {
    // The user, all before the target, and the items that came next.
    Index user = 0;
    History history{};             // all before the target, of any mark
    std::vector<Token> targets{};  // different ones
    Index event = 0;               // the first target's
};
// The queries of a split, by user and time. The data set must outlive them.
[[nodiscard]] std::vector<RankingQuery> ranking_queries(const EventsDataset& dataset, Index group,
                                                        const EvaluationOptions& options);

// A target with what its classes depend on.
struct RankedTarget {
    // The number of its query, the item, and its place among all items.
    Index query = 0;
    Token item = 0;
    RankRange ranks{};
    Index history = 0;                  // events of the history
    std::optional<double> age{};        // days since the item's first event; none: the item has no event before
    bool repeated = false;              // whether the history has the item
    double auc = 0;                     // the share of items that the user never has which the target beats
    std::optional<double> alive_auc{};  // the same among items with an event within 30 days of the time
};

// How well a model ranks.
struct RankingEvaluation {
    // Targets of all queries, query after query.
    std::vector<RankedTarget> targets{};
    // One for each query: its user, and its measures.
    std::vector<Index> users{};
    std::vector<double> hit{}, recall{}, ndcg{}, reciprocal_rank{}, auc{}, alive_auc{};
    double coverage = 0;  // the share of items that are among the first k of any query

    // The number of queries.
    Index size() const { return std::ssize(users); }
};
// Ranks all items for each query; its results do not depend on the number of threads. `done` is called with the number
// of queries so far, on any thread, one call at a time. Throws Error for a score that is not finite, and without
// queries.
[[nodiscard]] RankingEvaluation evaluate(const RecommendationModel& model, const EventsDataset& dataset,
                                         std::span<const RankingQuery> queries, const EvaluationOptions& options,
                                         const std::function<void(Index done)>& done = {});

// The mean AUC of the first target of each query against one item that the user never has, drawn by the query's
// number: the measure of the paper. `alive`: drawn among items with an event within 30 days of the time. Ties are a
// half. For models whose scores of all items are expensive.
[[nodiscard]] double sampled_auc(const RecommendationModel& model, const EventsDataset& dataset,
                                 std::span<const RankingQuery> queries, bool alive, std::uint64_t seed = 1);

// The mean of a measure over a class of targets, such as "11 to 20 events".
struct ClassRow {
    // The class, and how many targets it has.
    std::string name;
    Index targets = 0;
    double hit = 0, gain = 0;  // at k
};
// By history length, by age of the item, and repeated or new. Classes without targets are left out.
[[nodiscard]] std::vector<ClassRow> by_history_length(const RankingEvaluation& evaluation, Index k);
[[nodiscard]] std::vector<ClassRow> by_item_age(const RankingEvaluation& evaluation, Index k);
[[nodiscard]] std::vector<ClassRow> by_repeat(const RankingEvaluation& evaluation, Index k);

// The marks that a memory may hold when events of this mark are to be foreseen: train, and valid before test.
[[nodiscard]] EventMemory memory_before(const EventsDataset& dataset, Index group, EventMark mark);

}  // namespace kvmem
