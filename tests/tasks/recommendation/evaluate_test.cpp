// Evaluation of recommenders: queries, classes, chance and peeking, seen items, and threads.
#include "kvmem/tasks/recommendation/evaluate.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "support/ring_events.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <limits>

using namespace kvmem;

namespace {

// A model of a function of history and item.
class Scorer final : public RecommendationModel {
  public:
    using Function = std::function<Real(const History&, Token)>;
    Scorer(const EventsDataset& dataset, Function function)
        : RecommendationModel(catalog_of(dataset), Start::drawn), function_(std::move(function)) {}

    Settings settings() const override { return {}; }
    std::string name() const override { return "scorer"; }
    std::string summary() const override { return "A scorer"; }
    void score(std::span<const History> histories, View scores) const override {
        for (Index i = 0; i < scores.rows; ++i)
            for (Index item = 0; item < scores.cols; ++item)
                scores(i, item) = function_(histories[i], static_cast<Token>(item));
    }

  private:
    Function function_;
};

Real peek(const History& history, Token item) { return history.events->object[history.end] == item ? 1 : 0; }

EventsDataset baskets() {
    EventsBuilder builder;
    builder.add({.user = "ann", .object = "a", .time = 10, .basket = "1"});
    builder.add({.user = "ann", .object = "b", .time = 10, .basket = "1"});
    builder.add({.user = "ann", .object = "a", .time = 90, .basket = "2", .mark = EventMark::test});
    builder.add({.user = "ann", .object = "c", .time = 90, .basket = "2", .mark = EventMark::test});
    builder.add({.user = "ann", .object = "d", .time = 95, .basket = "3", .mark = EventMark::test});
    builder.add({.user = "bob", .object = "a", .time = 50, .basket = "4", .mark = EventMark::test});
    return builder.finish();
}

}  // namespace

TEST_CASE("a query holds the first basket of a split, behind the history before it", "[ranking]") {
    const EventsDataset data = baskets();
    EvaluationOptions options = usual_evaluation(data);
    CHECK(options.targets == Targets::basket);
    CHECK(options.seen == Seen::out);  // no training event repeats an item
    options.seen = Seen::in;
    auto queries = ranking_queries(data, 0, options);
    REQUIRE(queries.size() == 1);  // bob has no history
    CHECK(queries[0].targets == std::vector<Token>{0, 2});
    CHECK(queries[0].history.size() == 2);
    CHECK(queries[0].history.now == 90);
    options.seen = Seen::only_new;
    CHECK(ranking_queries(data, 0, options)[0].targets == std::vector<Token>{2});
    options.targets = Targets::item;
    queries = ranking_queries(data, 0, options);
    REQUIRE(queries.size() == 2);
    CHECK(queries[1].targets == std::vector<Token>{3});
    CHECK(queries[1].history.size() == 4);
    options.min_history = 0;
    CHECK(ranking_queries(data, 0, options).size() == 3);
}

TEST_CASE("constants come out at chance and a peeking model at one, whatever the threads", "[ranking]") {
    const EventsDataset data = test::ring_events(70, 14);
    EvaluationOptions options = usual_evaluation(data);
    options.k = 2;
    const auto queries = ranking_queries(data, 0, options);
    CHECK(queries.size() == 70);
    const auto all = evaluate(Scorer(data, [](const History&, Token) { return Real{3}; }), data, queries, options);
    const Interval hit = interval_of(all.hit, all.users);
    CHECK(hit.mean == Approx(2.0 / 8));
    CHECK(hit.high == Approx(hit.low));
    CHECK(all.auc[5] == 0.5);
    const Scorer peeking(data, peek);
    const auto best = evaluate(peeking, data, queries, options);
    CHECK(best.hit == std::vector<double>(70, 1));
    CHECK(best.ndcg == std::vector<double>(70, 1));
    CHECK(best.coverage == 1);
    CHECK(best.targets[0].repeated);
    CHECK(best.targets[0].history == 13);
    const ThreadLimit one(1);
    CHECK(evaluate(peeking, data, queries, options).reciprocal_rank == best.reciprocal_rank);
}

TEST_CASE("a peeking model wins against every drawn item, and constants are at a half", "[ranking]") {
    const EventsDataset data = test::ring_events(12, 4);
    const auto queries = ranking_queries(data, 0, usual_evaluation(data));
    CHECK(sampled_auc(Scorer(data, peek), data, queries, false) == 1);
    CHECK(sampled_auc(Scorer(data, [](const History&, Token) { return Real{0}; }), data, queries, true) == 0.5);
}

TEST_CASE("the AUC is over items that the user never has, alive ones among them by each event's days", "[ranking]") {
    constexpr Token items = 90;
    const EventsDataset data = test::ring_events(40, 12, items);
    EvaluationOptions options = usual_evaluation(data);
    const auto queries = ranking_queries(data, 0, options);
    const auto score = [](const History& history, Token item) {
        return static_cast<Real>((item * 5 + history.size()) % 3);  // with ties
    };
    const RankingEvaluation all = evaluate(Scorer(data, score), data, queries, options);
    for (const RankedTarget& target : all.targets) {
        const RankingQuery& query = queries[target.query];
        std::vector<Real> others, living;
        for (Token item = 0; item < items; ++item) {
            const auto [first, end] = data.events.of_user(query.user);
            if (std::count(data.events.object.begin() + first, data.events.object.begin() + end, item) > 0) continue;
            others.push_back(score(query.history, item));
            const Index day = query.history.now / seconds_per_day;
            for (Index e = 0; e < std::ssize(data.events.object); ++e)
                if (data.events.object[e] == item && data.events.time[e] >= (day - 30) * seconds_per_day &&
                    data.events.time[e] < (day + 31) * seconds_per_day) {
                    living.push_back(others.back());
                    break;
                }
        }
        CHECK(living.size() < others.size());
        CHECK(target.auc == auc(score(query.history, target.item), others));
        CHECK(target.alive_auc == auc(score(query.history, target.item), living));
    }
}

TEST_CASE("a model's NaN is an error of the evaluation", "[ranking]") {
    const EventsDataset data = test::ring_events(3);
    const auto queries = ranking_queries(data, 0, {});
    const Scorer bad(data, [](const History& history, Token item) {
        return peek(history, item) > 0 ? std::numeric_limits<Real>::quiet_NaN() : Real{0};
    });
    CHECK_THROWS_AS(evaluate(bad, data, queries, {}), Error);
    CHECK_THROWS_AS(sampled_auc(bad, data, queries, false), Error);
    CHECK_THROWS_AS(evaluate(bad, data, {}, {}), Error);
}

TEST_CASE("targets are told apart by history, age and repetition", "[ranking]") {
    const EventsDataset data = baskets();
    EvaluationOptions options = usual_evaluation(data);
    options.seen = Seen::in;
    const auto queries = ranking_queries(data, 0, options);
    const auto all =
        evaluate(Scorer(data, [](const History&, Token item) { return Real(item); }), data, queries, options);
    const auto repeats = by_repeat(all, 1);
    REQUIRE(repeats.size() == 2);
    CHECK(repeats[0].name == "new to the user");
    CHECK(repeats[0].targets == 1);
    CHECK(by_history_length(all, 1).front().name == "1 to 2 events");
    CHECK(by_item_age(all, 1).back().name == "never there before");
}

TEST_CASE("a memory before a split has none of its events", "[ranking]") {
    const EventsDataset data = test::ring_events(5, 6);
    CHECK(memory_before(data, 0, EventMark::valid).size() == 5 * 4);
    CHECK(memory_before(data, 0, EventMark::test).size() == 5 * 5);
}
