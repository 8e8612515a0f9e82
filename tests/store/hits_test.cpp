// The short ways in and out of a store: single slots and queries, and hits as ranges.
#include "kvmem/core/eigen.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "store/twin.hpp"

#include <catch2/catch.hpp>

#include <ranges>
#include <type_traits>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

static_assert(std::ranges::forward_range<HitView>);
// Both namespaces may be used at once.
static_assert(!std::is_same_v<Slots, StoredSlots>);

TEST_CASE("the hits of a query are a range of ids and scores", "[store]") {
    MemoryStore store({.key_width = 8});
    store.add(normal(100, 8, 1));
    const Hits hits = store.search(normal(3, 8, 2), 7, {.where = [](Id id) { return id != 0 && id < 6; }});
    for (Index q = 0; q < 3; ++q) {
        REQUIRE(hits[q].size() == 5);
        CHECK_FALSE(hits[q].empty());
        Index i = 0;
        for (const auto [id, score] : hits[q]) {
            CHECK(id == hits.ids_of(q)[i]);
            CHECK(score == hits.scores_of(q)[i]);
            CHECK(hits[q][i++] == Hit{id, score});
        }
        CHECK(i == 5);
    }
    store.remove(store.ids());
    const Hits none = store.search(normal(1, 8, 2), 7);
    CHECK(none[0].empty());
    CHECK(none[0].begin() == none[0].end());
}

TEST_CASE("one query finds what it finds in a batch", "[store]") {
    MemoryStore store({.key_width = 8});
    store.add(normal(300, 8, 1));
    const Matrix queries = normal(4, 8, 2);
    const Hits hits = store.search(queries, 5);
    for (Index q = 0; q < 4; ++q) {
        const std::vector<Hit> row = store.search(std::span(queries.row(q), 8), 5);
        CHECK(row == std::vector<Hit>(hits[q].begin(), hits[q].end()));
    }
    CHECK(store.search(std::vector<float>(8, 1), 1000).size() == 300);
    CHECK(store.search(std::vector<float>(8, 1), 0).empty());
    CHECK_THROWS_AS(store.search(std::vector<float>(7, 1), 5), Error);
    CHECK_THROWS_AS(store.search(std::vector<float>(), 5), Error);
}

TEST_CASE("one slot is added from its numbers", "[store]") {
    MemoryStore store({.key_width = 2, .value_width = 1}), keys_alone({.key_width = 2});
    const float key[] = {1, 2}, value[] = {3};
    store.add(0, key, value);
    store.add(40, std::vector<float>{4, 5}, std::vector<float>{6});
    const StoredSlots slots = store.get(std::vector<Id>{0, 40});
    CHECK(slots.keys(0, 1) == 2);
    CHECK(slots.values(0, 0) == 3);
    CHECK(slots.keys(1, 0) == 4);
    CHECK(slots.values(1, 0) == 6);
    keys_alone.add(7, key);
    CHECK(keys_alone.contains(7));
    CHECK_THROWS_AS(store.add(40, key, value), Error);
    CHECK_THROWS_AS(store.add(1, key), Error);
    CHECK_THROWS_AS(store.add(1, value, value), Error);
    CHECK_THROWS_AS(store.add(1, key, key), Error);
    CHECK_THROWS_AS(keys_alone.add(1, key, value), Error);
    CHECK(store.size() == 2);
    CHECK(keys_alone.size() == 1);
}

TEST_CASE("keys and queries come from vectors, nested vectors and Eigen", "[store]") {
    const std::vector<float> flat{1, 0, 0, 1};
    const std::vector<std::vector<float>> nested{{2, 0}, {0, 2}};
    const RowMajor eigen = RowMajor::Identity(2, 2) * 3;
    MemoryStore store({.key_width = 2, .value_width = 2});
    store.add(view_of(flat, 2), {matrix_of(nested)});
    store.add(matrix_of(nested), {view_of(eigen)});
    store.add(view_of(eigen), {view_of(flat, 2)});
    CHECK(store.search(view_of(flat, 2), 1).ids == std::vector<Id>{4, 5});
    CHECK(store.search(matrix_of(nested), 1).ids == std::vector<Id>{4, 5});
    CHECK(store.get(std::vector<Id>{3}).values(0, 1) == 3);
    const Hits hits = store.search(view_of(eigen), 1);
    CHECK(hits[1][0] == Hit{5, 9});
}
