#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <limits>

using namespace kvmem;
using test::check_gradients;
using test::normal;

TEST_CASE("take_rows takes rows in any order and has the right gradient", "[ops]") {
    Parameters p;
    Parameter& x = p.add("x", normal(3, 2, 1));
    const std::vector<Index> rows{2, 0, 2, 2}, none;
    check_gradients(p, [&](Tape& t) { return take_rows(t.parameter(x), rows); });
    check_gradients(p, [&](Tape& t) { return take_rows(t.parameter(x), none); });
    Tape t;
    const Var taken = take_rows(t.parameter(x), rows);
    CHECK(taken.rows() == 4);
    CHECK(taken.value()(1, 1) == x.value(0, 1));
    CHECK(taken.value()(3, 0) == x.value(2, 0));
    for (const Index wrong : {Index{-1}, Index{3}, std::numeric_limits<Index>::max()})
        CHECK_THROWS_AS(take_rows(t.parameter(x), std::array{Index{0}, wrong}), Error);
}

TEST_CASE("concat_rows puts matrices below each other and has the right gradient", "[ops]") {
    Parameters p;
    Parameter &x = p.add("x", normal(2, 3, 1)), &y = p.add("y", normal(1, 3, 2)), &empty = p.add("z", normal(0, 3, 3));
    const Matrix fixed = normal(2, 3, 4), narrow = normal(2, 2, 5);
    const auto joined = [&](Tape& t) {
        const Var v = t.parameter(x);
        return concat_rows(std::array{v, t.parameter(empty), t.constant(fixed), t.parameter(y), v});
    };
    check_gradients(p, joined);
    Tape t, other;
    const Var all = joined(t);
    CHECK(all.rows() == 7);
    CHECK(all.value()(3, 1) == fixed(1, 1));
    CHECK(all.value()(4, 2) == y.value(0, 2));
    CHECK_THROWS_AS(concat_rows({}), Error);
    CHECK_THROWS_AS(concat_rows(std::array{t.parameter(x), t.constant(narrow)}), Error);
    CHECK_THROWS_AS(concat_rows(std::array{t.parameter(x), other.parameter(x)}), Error);
}

TEST_CASE("reshape keeps the numbers and has the right gradient", "[ops]") {
    Parameters p;
    Parameter& x = p.add("x", normal(4, 3, 1));
    check_gradients(p, [&](Tape& t) { return reshape(t.parameter(x), 2, 6); });
    Tape t;
    const Var v = t.parameter(x);
    CHECK(reshape(v, 2, 6).value()(1, 0) == x.value(2, 0));
    CHECK(reshape(take_rows(v, {}), 5, 0).rows() == 5);
    constexpr Index huge = std::numeric_limits<Index>::max();
    for (const auto& [rows, cols] : {std::array<Index, 2>{3, 3}, {-4, -3}, {12, 0}, {0, 12}, {huge, huge}, {5, 2}})
        CHECK_THROWS_AS(reshape(v, rows, cols), Error);
}
