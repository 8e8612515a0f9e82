#include "kvmem/nn/attention_pooling.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using test::check_gradients;
using test::distance;
using test::normal;
using test::offsets;
using test::same_bits;

TEST_CASE("attention pooling has the right gradients", "[nn]") {
    Parameters p;
    Parameter &key = p.add("k", normal(5, 3, 1)), &value = p.add("v", normal(5, 2, 2));
    const AttentionPooling pool(p, "pool", 2, {.width = 4, .heads = 2, .query_in = 5, .key_in = 3, .value_in = 2}, 1);
    CHECK(p.find("pool.queries")->value.rows() == 2);
    CHECK(p.find("pool.queries")->value.cols() == 5);
    const auto slots = offsets({3, 0, 2});
    check_gradients(p, [&](Tape& t) { return pool(t.parameter(key), t.parameter(value), slots).out; });
}

TEST_CASE("pooling gives each segment its rows, from its own slots in any order", "[nn]") {
    Parameters p;
    const AttentionPooling pool(p, "pool", 3, {.width = 4, .heads = 2}, 1);
    p.find("pool.attention.out.bias")->value = normal(1, 4, 9);
    const Matrix slots = normal(5, 4, 1);
    const auto segments = offsets({3, 0, 2}), last = offsets({2}), none = offsets({});
    const std::vector<Index> swapped{4, 3};
    Tape t;
    const Var x = t.constant(slots);
    const ConstView all = pool(x, segments).out.value();
    REQUIRE(all.rows == 9);
    CHECK(all.cols == 4);
    for (Index i = 3; i < 6; ++i)  // no slots
        CHECK(same_bits(all.middle_rows(i, 1), p.find("pool.attention.out.bias")->value));
    CHECK(distance(pool(take_rows(x, swapped), last).out.value(), all.middle_rows(6, 3)) < 1e-13);
    CHECK(distance(all.middle_rows(6, 1), all.middle_rows(7, 1)) > 1e-3);  // each query reads its own way
    CHECK(pool(take_rows(x, {}), none).out.rows() == 0);
    CHECK(reshape(pool(x, segments).out, 3, 12).value()(2, 0) == all(6, 0));
}

TEST_CASE("attention pooling refuses what cannot be", "[nn]") {
    Parameters p;
    CHECK_THROWS_AS(AttentionPooling(p, "p", 0, {.width = 4}, 1), Error);
    CHECK_THROWS_AS(AttentionPooling(p, "p", -1, {.width = 4}, 1), Error);
    CHECK_THROWS_AS(AttentionPooling(p, "p", 1, {.width = 4, .heads = 3}, 1), Error);
    CHECK(p.size() == 0);
    const AttentionPooling pool(p, "p", 2, {.width = 4}, 1);
    const Matrix narrow = normal(2, 3, 1), right = normal(2, 4, 1);
    const auto two = offsets({2}), three = offsets({3});
    Tape t;
    CHECK_THROWS_AS(pool(t.constant(narrow), two), Error);
    CHECK_THROWS_AS(pool(t.constant(right), three), Error);
    CHECK_THROWS_AS(pool(t.constant(right), std::vector<Index>{}), Error);
    CHECK_THROWS_AS(pool(t.constant(right), std::vector<Index>{0, 2, 1}), Error);
}
