// Recommender: names, histories, candidates and reasons.
#include "kvmem/tasks/recommendation/recommender.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/models/floors.hpp"
#include "support/ring_events.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

static Recommender ring_recommender() {
    EventsDataset data = test::ring_events(20, 8);
    auto model = std::make_unique<ItemKnn>(ItemKnnConfig{}, catalog_of(data));
    return {std::move(model), std::move(data)};
}

TEST_CASE("a new user's events count at once, and each item has its reasons", "[recommender]") {
    const Recommender recommender = ring_recommender();
    const Index now = recommender.now();
    const std::vector<TypedEvent> typed{{"i3", now - 5}, {"Item 2", now - 9}};
    const Events events = recommender.events_of(typed, now);
    CHECK(events.object == std::vector<Token>{2, 3});
    const History history{&events, 0, 2, now};
    const auto all = recommender.recommend({&history, 1}, {.k = 2, .seen = false, .explain = true});
    REQUIRE(all[0].size() == 2);
    CHECK(all[0][0].item == 4);
    CHECK(all[0][0].score >= all[0][1].score);
    REQUIRE(!all[0][0].reasons.empty());
    CHECK(all[0][0].reasons[0].name == "co-occurrence");
    CHECK(all[0][0].reasons[0].event == 1);
}

TEST_CASE("a recommender may be moved", "[recommender]") {
    Recommender first = ring_recommender();
    const History history = first.history_of("u1", first.now());
    const auto before = first.recommend({&history, 1}, {.k = 3});
    std::vector<Recommender> all;
    all.push_back(std::move(first));
    all.push_back(ring_recommender());
    const History moved = all[0].history_of("u1", all[0].now());
    const auto after = all[0].recommend({&moved, 1}, {.k = 3});
    REQUIRE(after[0].size() == before[0].size());
    for (std::size_t i = 0; i < before[0].size(); ++i) CHECK(after[0][i].score == before[0][i].score);
}

TEST_CASE("candidates are those that are allowed", "[recommender]") {
    const Recommender recommender = ring_recommender();
    const History history = recommender.history_of("u1", recommender.now());
    CHECK(history.size() == 8);
    CHECK(recommender.history_of("u1", 3 * seconds_per_day).size() == 2);
    RecommendOptions options{.k = 20};
    options.allowed = {0, 1, 0, 1, 0, 0, 0, 0};
    const auto all = recommender.recommend(std::vector(70, history), options);
    REQUIRE(all[69].size() == 2);
    for (const Recommendation& one : all[69]) CHECK((one.item == 1 || one.item == 3));
    CHECK(all[69][0].score == all[0][0].score);
    options.allowed.pop_back();
    CHECK_THROWS_AS(recommender.recommend({&history, 1}, options), Error);
}

TEST_CASE("names that say no item or several are errors that say so", "[recommender]") {
    const Recommender recommender = ring_recommender();
    CHECK(recommender.item_named("i7") == 7);
    CHECK(recommender.item_named("item 7") == 7);
    CHECK(recommender.item_named("M 7") == 7);
    CHECK_THROWS_WITH(recommender.item_named("item"), Catch::Contains("several items") && Catch::Contains("Item 0"));
    CHECK_THROWS_WITH(recommender.item_named("nothing"), Catch::Contains("no such item"));
    CHECK_THROWS_AS(recommender.history_of("nobody", 0), Error);
    CHECK_THROWS_AS(recommender.events_of(std::vector<TypedEvent>{{"i1", Index{9}}}, 5), Error);
    EventsDataset other = test::ring_events(3, 8, 9);
    auto model = std::make_unique<ItemKnn>(ItemKnnConfig{}, catalog_of(test::ring_events()));
    CHECK_THROWS_AS(Recommender(std::move(model), std::move(other)), Error);
}
