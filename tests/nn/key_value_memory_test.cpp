#include "kvmem/nn/key_value_memory.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace kvmem;
using test::check_gradients;
using test::distance;
using test::normal;
using test::offsets;

TEST_CASE("a key-value memory of two hops has the right gradients in every form", "[nn]") {
    for (const HopMap map : {HopMap::separate, HopMap::shared, HopMap::none})
        for (const Index heads : {1, 2}) {
            Parameters p;
            Parameter &query = p.add("query", normal(3, 4, 1)), &key = p.add("key", normal(5, 4, 2)),
                      &value = p.add("value", normal(5, 4, 3));
            const KeyValueMemory memory(p, "memory", 4,
                                        {.hops = 2, .map = map, .lookup = {.heads = heads, .scale = Real{0.7}}});
            CHECK(memory.hops() == 2);
            for (std::size_t i = 3; i < p.size(); ++i)
                for (Real& x : p[i].value.view().span()) x += static_cast<Real>(0.3);
            const auto queries = offsets({1, 1, 1}), slots = offsets({3, 0, 2});
            check_gradients(p, [&](Tape& t) {
                return memory.read(t.parameter(query), t.parameter(key), t.parameter(value), {queries, slots}).state;
            });
        }
}

TEST_CASE("a memory's maps have the names that model files know", "[nn]") {
    Parameters p;
    const KeyValueMemory separate(p, "memory", 2, {.hops = 2});
    const KeyValueMemory shared(p, "tied", 2, {.hops = 3, .map = HopMap::shared});
    const KeyValueMemory none(p, "none", 2, {.hops = 3, .map = HopMap::none});
    REQUIRE(p.size() == 3);
    CHECK(p[0].name == "memory.R1");
    CHECK(p[1].name == "memory.R2");
    CHECK(p[2].name == "tied.R");
}

TEST_CASE("a new memory adds what it reads to the query, hop by hop", "[nn]") {
    // One slot: it is read whole, whatever the query.
    const Matrix query = normal(2, 2, 1), key = normal(1, 2, 2), value = normal(1, 2, 3);
    const auto queries = offsets({1, 1}), slots = offsets({1, 0});
    for (const HopMap map : {HopMap::separate, HopMap::shared, HopMap::none}) {
        Parameters p;
        const KeyValueMemory memory(p, "memory", 2, {.hops = 2, .map = map});
        Tape t;
        const auto result = memory.read(t.constant(query), t.constant(key), t.constant(value), {queries, slots});
        REQUIRE(result.hops.size() == 2);
        for (Index j = 0; j < 2; ++j) {
            CHECK(result.hops[1].query.value()(0, j) == Approx(query(0, j) + value(0, j)));
            CHECK(result.state.value()(0, j) == Approx(query(0, j) + 2 * value(0, j)));
            CHECK(result.state.value()(1, j) == query(1, j));  // nothing to read
        }
        const KeyValueMemory none(p, "none", 2, {.hops = 0, .map = map});
        const Var asked = t.constant(query);
        CHECK(none.read(asked, t.constant(key), t.constant(value), {queries, slots}).state.node == asked.node);
    }
}

TEST_CASE("hops with keys and values of their own read those", "[nn]") {
    Parameters p;
    const KeyValueMemory memory(p, "memory", 3, {.hops = 2, .map = HopMap::none});
    const Matrix query = normal(1, 3, 1), first = normal(4, 3, 2), second = normal(4, 3, 3), third = normal(4, 3, 4);
    const auto one = offsets({1}), all = offsets({4});
    const Segments segments{one, all};
    Tape t;
    const Var q = t.constant(query), a = t.constant(first), b = t.constant(second), c = t.constant(third);
    // Adjacent tying: the values of a hop are the keys of the next.
    const Var state = memory.read(q, std::array{a, b}, std::array{b, c}, segments).state;
    const Var after_one = add(q, attend(q, a, b, segments).read);
    CHECK(distance(state.value(), add(after_one, attend(after_one, b, c, segments).read).value()) < 1e-12);
    CHECK_THROWS_AS(memory.read(q, std::array{a}, std::array{b, c}, segments), Error);
    CHECK_THROWS_AS(memory.read(q, std::array{a, b}, std::array{b}, segments), Error);
}

TEST_CASE("a memory refuses shapes that do not fit", "[nn]") {
    Parameters p;
    CHECK_THROWS_AS(KeyValueMemory(p, "m", -1), Error);
    CHECK_THROWS_AS(KeyValueMemory(p, "m", 4, {.hops = -1}), Error);
    CHECK_THROWS_AS(KeyValueMemory(p, "m", 4, {.lookup = {.heads = 3}}), Error);
    CHECK_THROWS_AS(KeyValueMemory(p, "m", 4, {.lookup = {.heads = 0}}), Error);
    CHECK(p.size() == 0);
    const KeyValueMemory memory(p, "m", 4);
    const Matrix query = normal(1, 4, 1), key = normal(2, 4, 2), narrow = normal(2, 3, 3);
    const auto one = offsets({1}), all = offsets({2});
    Tape t;
    const Var q = t.constant(query), k = t.constant(key), n = t.constant(narrow);
    CHECK_THROWS_AS(memory.read(k, n, k, {one, all}), Error);
    CHECK_THROWS_AS(memory.read(q, k, n, {one, all}), Error);
    CHECK_THROWS_AS(memory.read(q, n, n, {one, all}), Error);
    CHECK_THROWS_AS(memory.read(q, k, k, {all, all}), Error);
}

TEST_CASE("a memory keeps the slopes that it was made with", "[nn]") {
    Parameters p;
    const Matrix query = normal(2, 4, 1), key = normal(6, 4, 2), value = normal(6, 4, 3);
    const auto queries = offsets({1, 1}), slots = offsets({4, 2});
    std::vector<Real> slopes{Real{0.5}};
    const KeyValueMemory memory(p, "memory", 4, {.hops = 2, .lookup = {.slopes = slopes}});
    Tape t;
    const auto read = [&] {
        return memory.read(t.constant(query), t.constant(key), t.constant(value), {queries, slots});
    };
    const ConstView first = read().state.value();
    slopes[0] = 7;
    CHECK(distance(read().state.value(), first) == 0);
    CHECK(memory.lookup().slopes[0] == Real{0.5});
}
