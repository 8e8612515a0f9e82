// Means of ranges and the loss of ranked pairs against plain compositions and numeric gradients.
#include "autograd/ranking_ops.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace kvmem;
using test::check_gradients;
using test::normal;

TEST_CASE("range_mean is the mean of each range, zero of an empty one, and has the right gradient", "[ops]") {
    const std::vector<std::vector<RowRange>> cases{
        {},
        {{0, 0}},
        {{0, 1}, {0, 2}, {0, 2}, {0, 6}},          // prefixes, one of them twice
        {{0, 3}, {0, 1}, {1, 4}, {2, 4}, {5, 6}},  // a shorter one, and others that overlap
        {{2, 2}, {2, 5}, {6, 6}, {0, 6}}};
    Parameters p;
    Parameter& x = p.add("x", normal(6, 21, 1));
    for (const std::vector<RowRange>& ranges : cases) {
        if (!ranges.empty()) check_gradients(p, [&](Tape& t) { return range_mean(t.parameter(x), ranges); });
        Tape t;
        const ConstView mean = range_mean(t.parameter(x), ranges).value();
        REQUIRE(mean.rows == std::ssize(ranges));
        for (Index i = 0; i < mean.rows; ++i)
            for (Index k = 0; k < mean.cols; ++k) {
                const auto [first, end] = ranges[i];
                double sum = 0;
                for (Index row = first; row < end; ++row) sum += double{x.value(row, k)};
                CHECK(mean(i, k) == Approx(end > first ? sum / static_cast<double>(end - first) : 0).margin(1e-12));
            }
    }
    Tape t;
    for (const RowRange wrong : {RowRange{-1, 2}, {3, 2}, {0, 7}, {7, 7}})
        CHECK_THROWS_AS(range_mean(t.parameter(x), std::vector{wrong}), Error);
}

TEST_CASE("pairwise_loss is the cross-entropy of two scores, and has the right gradient", "[ops]") {
    Parameters p;
    Parameter& queries = p.add("queries", normal(3, 19, 1));
    Parameter& items = p.add("items", normal(5, 19, 2));
    Parameter& bias = p.add("bias", normal(5, 1, 3));
    const std::vector<RankedPair> pairs{{0, 1, 2}, {0, 2, 1}, {2, 4, 0}, {2, 4, 3}, {1, 3, 3}};
    const auto loss = [&](Tape& t) {
        return pairwise_loss(t.parameter(queries), t.parameter(items), t.parameter(bias), pairs);
    };
    check_gradients(p, loss);
    const auto plain = [&](Tape& t) {
        std::vector<Index> query, better, worse;
        for (const RankedPair& pair : pairs)
            query.push_back(pair.query), better.push_back(pair.better), worse.push_back(pair.worse);
        const Var x = t.parameter(items), b = t.parameter(bias), q = take_rows(t.parameter(queries), query);
        Matrix one(1, 19);
        one.fill(1);
        const Var ones = t.constant(one);
        const auto scores = [&](const std::vector<Index>& rows) {
            return linear(q * take_rows(x, rows), ones) + take_rows(b, rows);
        };
        const Var all = concat_cols({scores(better), scores(worse)});
        return cross_entropy(all, std::vector<Index>(pairs.size(), 0)).value()(0, 0);
    };
    Tape t;
    CHECK(loss(t).value()(0, 0) == Approx(plain(t)));
    CHECK(pairwise_loss(t.parameter(queries), t.parameter(items), t.parameter(bias), {}).value()(0, 0) == 0);
}

TEST_CASE("pairwise_loss bears scores that are far apart, and shows those that are no numbers", "[ops]") {
    const auto loss = [](Real score) {
        Tape t;
        Matrix query(1, 1), items(2, 1), bias(2, 1);
        query.fill(1);
        items(0, 0) = score;
        const RankedPair pair{0, 0, 1};
        return pairwise_loss(t.constant(query), t.constant(items), t.constant(bias), {&pair, 1}).value()(0, 0);
    };
    CHECK(loss(10000) == 0);
    CHECK(loss(-10000) == 10000);
    CHECK(std::isnan(loss(std::numeric_limits<Real>::quiet_NaN())));
}

TEST_CASE("pairwise_loss refuses matrices and pairs that do not fit", "[ops]") {
    Tape t;
    const Matrix m(2, 3), narrow(2, 2), one(2, 1), row(1, 1);
    const Var x = t.constant(m), b = t.constant(one);
    CHECK_THROWS_AS(pairwise_loss(x, t.constant(narrow), b, {}), Error);
    CHECK_THROWS_AS(pairwise_loss(x, x, t.constant(narrow), {}), Error);
    CHECK_THROWS_AS(pairwise_loss(x, x, t.constant(row), {}), Error);
    for (const RankedPair wrong : {RankedPair{2, 0, 1}, {0, 2, 1}, {0, 0, 2}, {-1, 0, 1}, {0, -1, 1}, {0, 0, -1}})
        CHECK_THROWS_AS(pairwise_loss(x, x, b, {&wrong, 1}), Error);
}
