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
    CHECK_THROWS_AS(concat_rows(std::vector<Var>{}), Error);
    CHECK_THROWS_AS(concat_rows(std::array{t.parameter(x), t.constant(narrow)}), Error);
    CHECK_THROWS_AS(concat_rows(std::array{t.parameter(x), other.parameter(x)}), Error);
}

TEST_CASE("concat_cols puts matrices side by side and has the right gradient", "[ops]") {
    for (const Index rows : {0, 1, 3}) {
        Parameters p;
        Parameter &x = p.add("x", normal(rows, 2, 1)), &y = p.add("y", normal(rows, 1, 2)),
                  &empty = p.add("z", normal(rows, 0, 3));
        const Matrix fixed = normal(rows, 2, 4), taller = normal(rows + 1, 2, 5);
        const auto joined = [&](Tape& t) {
            const Var v = t.parameter(x);
            return concat_cols({v, t.parameter(empty), t.constant(fixed), t.parameter(y), v});
        };
        check_gradients(p, joined);
        Tape t;
        const ConstView all = joined(t).value();
        CHECK(all.cols == 7);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < 2; ++j) {
                CHECK(all(i, j) == x.value(i, j));
                CHECK(all(i, 2 + j) == fixed(i, j));
                CHECK(all(i, 4) == y.value(i, 0));
                CHECK(all(i, 5 + j) == x.value(i, j));
            }
        CHECK_THROWS_AS(concat_cols(std::vector<Var>{}), Error);
        CHECK_THROWS_AS(concat_cols({t.parameter(x), t.constant(taller)}), Error);
    }
}

TEST_CASE("slices of rows and of columns have the numbers and the gradient of their part", "[ops]") {
    Parameters p;
    Parameter& x = p.add("x", normal(4, 5, 1));
    for (const auto& [first, count] : {std::pair<Index, Index>{0, 4}, {1, 2}, {2, 0}, {4, 0}}) {
        check_gradients(p, [&, f = first, n = count](Tape& t) { return slice_rows(t.parameter(x), f, n); });
        check_gradients(p, [&, f = first, n = count](Tape& t) {
            return slice_rows(tanh(t.parameter(x)), f, n) * slice_rows(tanh(t.parameter(x)), f, n);
        });
        check_gradients(p, [&, f = first, n = count](Tape& t) { return slice_cols(t.parameter(x), f, n); });
    }
    Tape t;
    const Var v = t.parameter(x);
    CHECK(slice_rows(v, 1, 2).value().data == x.value.row(1));
    CHECK(slice_cols(v, 3, 2).value()(2, 1) == x.value(2, 4));
    CHECK(slice_cols(slice_rows(v, 4, 0), 1, 2).rows() == 0);
    constexpr Index huge = std::numeric_limits<Index>::max();
    for (const auto& [first, count] : {std::pair<Index, Index>{-1, 2}, {0, 6}, {5, 1}, {1, huge}, {huge, 1}, {1, -1}}) {
        CHECK_THROWS_AS(slice_rows(v, first, count), Error);
        CHECK_THROWS_AS(slice_cols(v, first, count), Error);
    }
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
