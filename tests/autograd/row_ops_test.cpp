// Operations on rows, segments and losses against their formulas and numeric gradients.
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>

using namespace kvmem;
using test::check_gradients;
using test::normal;
using test::offsets;

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

TEST_CASE("softmax and log_softmax of rows have the right values and gradients", "[ops]") {
    for (const auto& [rows, cols] : {std::pair<Index, Index>{3, 5}, {1, 1}, {0, 4}, {4, 0}, {2, 40}}) {
        Parameters p;
        Parameter& x = p.add("x", normal(rows, cols, 1, 3));
        check_gradients(p, [&](Tape& t) { return softmax(t.parameter(x)); });
        check_gradients(p, [&](Tape& t) { return log_softmax(t.parameter(x)); });
        Tape t;
        const ConstView weights = softmax(t.parameter(x)).value(), logs = log_softmax(t.parameter(x)).value();
        for (Index i = 0; i < rows; ++i) {
            double total = 0;
            for (Index j = 0; j < cols; ++j) total += std::exp(double{x.value(i, j)});
            for (Index j = 0; j < cols; ++j) {
                CHECK(weights(i, j) == Approx(std::exp(double{x.value(i, j)}) / total));
                CHECK(logs(i, j) == Approx(double{x.value(i, j)} - std::log(total)));
            }
        }
    }
}

TEST_CASE("softmax and log_softmax bear scores that are far apart or masked", "[ops]") {
    const Real large = 10000;
    Parameters p;
    Parameter& x = p.add("x", Matrix(4, 3));
    const Real scores[4][3] = {{large, 0, -large},
                               {minus_infinity, 1, 2},
                               {minus_infinity, minus_infinity, minus_infinity},
                               {-large, -large, -large}};
    for (Index i = 0; i < 4; ++i) std::copy_n(scores[i], 3, x.value.row(i));
    Tape t;
    const Var weights = softmax(t.parameter(x)), logs = log_softmax(t.parameter(x));
    CHECK(weights.value()(0, 0) == 1);
    CHECK(weights.value()(1, 0) == 0);
    CHECK(weights.value()(2, 1) == 0);
    CHECK(weights.value()(3, 2) == Approx(1 / 3.0));
    CHECK(logs.value()(0, 2) == -2 * large);
    CHECK(logs.value()(1, 0) == minus_infinity);
    CHECK(logs.value()(1, 2) == Approx(-std::log1p(std::exp(-1.0))));
    CHECK(logs.value()(2, 0) == minus_infinity);
    CHECK(logs.value()(3, 1) == Approx(-std::log(3.0)));
    t.backward(sum(weights));
    t.backward(sum(slice_cols(logs, 2, 1)));
    const View grad = t.gradient(x).dense();
    for (Index i = 0; i < 4; ++i)
        for (Index j = 0; j < 3; ++j) CHECK(std::isfinite(grad(i, j)));
    for (Index j = 0; j < 3; ++j) CHECK(grad(2, j) == 0);
    CHECK(grad(0, 0) == -1);
    CHECK(grad(3, 2) == Approx(2 / 3.0));
}

TEST_CASE("log_softmax picks the loss that cross_entropy gives", "[ops]") {
    const Matrix scores = normal(3, 4, 1);
    const std::vector<Index> targets{2, 0, 3};
    Tape t;
    const Var logs = log_softmax(t.constant(scores));
    double loss = 0;
    for (Index i = 0; i < 3; ++i) loss -= double{logs.value()(i, targets[static_cast<std::size_t>(i)])};
    CHECK(cross_entropy(t.constant(scores), targets).value()(0, 0) == Approx(loss));
}

TEST_CASE("mean_squared_error is the mean over all numbers and has the right gradient", "[ops]") {
    for (const Index rows : {0, 1, 3}) {
        Parameters p;
        Parameter &x = p.add("x", normal(rows, 4, 1)), &y = p.add("y", normal(rows, 4, 2));
        const Matrix fixed = normal(rows, 4, 3);
        check_gradients(p, [&](Tape& t) { return mean_squared_error(t.parameter(x), t.parameter(y)); });
        check_gradients(p, [&](Tape& t) { return mean_squared_error(t.constant(fixed), t.parameter(y)); });
        check_gradients(p, [&](Tape& t) { return mean_squared_error(t.parameter(x), t.parameter(x)); });
        double expected = 0;
        for (Index i = 0; i < x.value.size(); ++i)
            expected += std::pow(double{x.value.data()[i]} - double{y.value.data()[i]}, 2) / double(x.value.size());
        Tape t;
        CHECK(mean_squared_error(t.parameter(x), t.parameter(y)).value()(0, 0) == Approx(expected));
    }
}

TEST_CASE("segment_mean is the mean of each segment, zero of an empty one, and has the right gradient", "[ops]") {
    for (const std::vector<Index>& counts : {std::vector<Index>{2, 0, 3}, {}, {0, 0}, {5}, {1, 1, 1}}) {
        const auto at = offsets(counts);
        Parameters p;
        Parameter& x = p.add("x", normal(at.back(), 3, 1));
        check_gradients(p, [&](Tape& t) { return segment_mean(t.parameter(x), at); });
        Tape t;
        const ConstView mean = segment_mean(t.parameter(x), at).value();
        REQUIRE(mean.rows == std::ssize(counts));
        for (Index i = 0; i < mean.rows; ++i)
            for (Index j = 0; j < 3; ++j) {
                double expected = 0;
                for (Index s = at[static_cast<std::size_t>(i)]; s < at[static_cast<std::size_t>(i) + 1]; ++s)
                    expected += double{x.value(s, j)} / double(counts[static_cast<std::size_t>(i)]);
                CHECK(mean(i, j) == Approx(expected));
            }
    }
    Tape t;
    const Var x = t.constant(normal(3, 2, 1));
    for (const std::vector<Index>& wrong : {std::vector<Index>{}, {0}, {0, 2}, {1, 3}, {0, 2, 1, 3}, {0, 4, 3}})
        CHECK_THROWS_AS(segment_mean(x, wrong), Error);
}

TEST_CASE("segment_max is the max of each segment and column, zero of an empty one, with the gradient of the first",
          "[ops]") {
    for (const std::vector<Index>& counts : {std::vector<Index>{2, 0, 3}, {}, {0, 0}, {5}, {1, 1, 1}}) {
        const auto at = offsets(counts);
        Parameters p;
        Parameter& x = p.add("x", normal(at.back(), 3, 1));
        check_gradients(p, [&](Tape& t) { return segment_max(t.parameter(x), at); });
        Tape t;
        const ConstView max = segment_max(t.parameter(x), at).value();
        REQUIRE(max.rows == std::ssize(counts));
        for (std::size_t i = 0; i < counts.size(); ++i)
            for (Index j = 0; j < 3; ++j) {
                Real expected = counts[i] == 0 ? Real{0} : x.value(at[i], j);
                for (Index s = at[i]; s < at[i + 1]; ++s) expected = std::max(expected, x.value(s, j));
                CHECK(max(static_cast<Index>(i), j) == expected);
            }
    }
    Parameters p;
    Parameter& equal = p.add("equal", Matrix(3, 2));
    Tape t;
    const Var rows = t.parameter(equal);
    t.backward(sum(segment_max(rows, std::vector<Index>{0, 3})));
    const ConstView gradient = rows.grad();
    CHECK((gradient(0, 0) == 1 && gradient(1, 0) == 0 && gradient(2, 1) == 0));
    CHECK_THROWS_AS(segment_max(t.constant(equal.value), std::vector<Index>{0, 4}), Error);
}

TEST_CASE("large softmaxes and segment means have the same bits on any number of threads", "[ops]") {
    Parameters p;
    const Parameter& x = p.add("x", normal(3000, 50, 1));
    std::vector<Index> counts;
    for (Rng rng(2); counts.size() < 1000;) counts.push_back(rng.below(7));
    std::vector<Index> at = offsets(counts);
    for (Index& offset : at) offset = std::min<Index>(offset, 3000);
    at.back() = 3000;
    std::vector<Matrix> first;
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        Tape t;
        const Var v = t.parameter(x), weights = softmax(v), logs = log_softmax(v), mean = segment_mean(v, at);
        t.backward(sum(weights * logs));
        t.backward(sum(mean * mean));
        std::vector<Matrix> got;
        for (const ConstView y : {weights.value(), logs.value(), mean.value(), ConstView(t.gradient(x).dense())}) {
            Matrix copy(y.rows, y.cols);
            std::copy_n(y.data, y.size(), copy.data());
            got.push_back(std::move(copy));
        }
        if (first.empty()) first = got;
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(test::same_bits(got[i], first[i]));
    }
}
