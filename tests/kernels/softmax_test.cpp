#include "kvmem/kernels/softmax.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;
using test::normal;

static constexpr Real infinity = std::numeric_limits<Real>::infinity();
static constexpr Real not_a_number = std::numeric_limits<Real>::quiet_NaN();

TEST_CASE("softmax equals the formula", "[softmax]") {
    for (const Index n : {1, 2, 16, 17, 100}) {
        const Matrix scores = normal(5, n, 1, 3);
        Matrix weights = scores;
        softmax(weights);
        for (Index i = 0; i < 5; ++i) {
            double total = 0;
            for (Index j = 0; j < n; ++j) total += std::exp(double{scores(i, j)});
            for (Index j = 0; j < n; ++j)
                REQUIRE(weights(i, j) == Approx(std::exp(double{scores(i, j)}) / total).epsilon(1e-5));
        }
    }
    softmax(Matrix(0, 3));
    softmax(Matrix(3, 0));
}

TEST_CASE("softmax of huge, masked and broken scores", "[softmax]") {
    Matrix rows(5, 20);
    rows.fill(-10000);
    rows(0, 7) = 10000;
    for (Index j = 0; j < 20; ++j) rows(2, j) = -infinity;
    rows(3, 4) = not_a_number;
    for (Index j = 0; j < 20; ++j) rows(4, j) = -infinity;
    rows(4, 19) = not_a_number;
    softmax(rows);
    CHECK(rows(0, 7) == 1);
    CHECK(rows(0, 6) == 0);
    CHECK(rows(1, 3) == Approx(0.05));
    for (Index j = 0; j < 20; ++j) CHECK(rows(2, j) == 0);
    CHECK(std::isnan(rows(3, 0)));
    CHECK(std::isnan(rows(4, 19)));
}

TEST_CASE("cross_entropy and its gradient equal the formulas", "[softmax]") {
    const Index n = 23;
    const Matrix scores = normal(4, n, 1, 2);
    const std::vector<Index> targets{0, 22, -1, 5};
    Ragged<Index> excluded;
    excluded.push_row(std::vector<Index>{1, 2, 2});
    excluded.push_row({});
    excluded.push_row(std::vector<Index>{0});
    excluded.push_row(std::vector<Index>{22});
    for (const bool excludes : {false, true}) {
        std::vector<Real> loss(4, not_a_number);
        Matrix grad = normal(4, n, 2);
        cross_entropy(scores, targets, excludes ? excluded.view() : RaggedView<Index>{}, loss, grad);
        for (Index i = 0; i < 4; ++i) {
            const Index target = targets[static_cast<std::size_t>(i)];
            std::vector<double> share(static_cast<std::size_t>(n));
            double total = 0;
            for (Index j = 0; j < n; ++j) {
                const auto out = excluded[i];
                if (!excludes || std::find(out.begin(), out.end(), j) == out.end())
                    total += share[static_cast<std::size_t>(j)] = std::exp(double{scores(i, j)});
            }
            const double expected = target < 0 ? 0 : -std::log(share[static_cast<std::size_t>(target)] / total);
            CHECK(loss[static_cast<std::size_t>(i)] == Approx(expected).epsilon(1e-5));
            for (Index j = 0; j < n; ++j)
                REQUIRE(
                    grad(i, j) ==
                    Approx(target < 0 ? 0 : share[static_cast<std::size_t>(j)] / total - (j == target)).margin(1e-6));
        }
        // In place of the scores.
        Matrix in_place = scores;
        std::vector<Real> again(4);
        cross_entropy(in_place, targets, excludes ? excluded.view() : RaggedView<Index>{}, again, in_place);
        CHECK(test::same_bits(in_place, grad));
        CHECK(again == loss);
    }
}

TEST_CASE("cross_entropy of huge, masked and broken scores", "[softmax]") {
    Matrix scores(5, 3);
    scores.fill(-10000);
    scores(0, 1) = 10000;  // all but certain, and right
    scores(1, 1) = 10000;  // all but certain, and wrong
    for (Index j = 0; j < 3; ++j) scores(2, j) = -infinity;
    scores(3, 0) = not_a_number;
    const std::vector<Index> targets{1, 0, 2, 1, 0};
    std::vector<Real> loss(5);
    Matrix grad(5, 3);
    cross_entropy(scores, targets, {}, loss, grad);
    CHECK(loss[0] == 0);
    CHECK(grad(0, 1) == 0);
    CHECK(loss[1] == 20000);
    CHECK(grad(1, 0) == -1);
    CHECK(grad(1, 1) == 1);
    CHECK(loss[2] == infinity);
    CHECK(std::isnan(loss[3]));
    CHECK(loss[4] == Approx(std::log(3.0)));
    // With every other column left out, the target has all of the share.
    Ragged<Index> others;
    others.push_row(std::vector<Index>{0, 1});
    std::vector<Real> one(1);
    cross_entropy(normal(1, 3, 1), std::vector<Index>{2}, others, one, Matrix(1, 3));
    CHECK(one[0] == Approx(0).margin(1e-6));
    cross_entropy(Matrix(0, 3), {}, {}, {}, Matrix(0, 3));
    cross_entropy(Matrix(1, 0), std::vector<Index>{-1}, {}, one, Matrix(1, 0));
    CHECK(one[0] == 0);
}

TEST_CASE("cross_entropy refuses what is not a column, and leaves the scores as they were", "[softmax]") {
    const Matrix before = normal(2, 3, 1);
    Matrix scores = before;
    std::vector<Real> loss(2);
    const auto refused = [&](const std::vector<Index>& targets, const std::vector<Index>& last) {
        Ragged<Index> excluded;
        excluded.end_row();
        excluded.push_row(last);
        CHECK_THROWS_AS(cross_entropy(scores, targets, excluded, loss, scores), Error);
        CHECK(test::same_bits(scores, before));
    };
    refused({0, 3}, {});
    refused({0, -2}, {});
    refused({0}, {});
    refused({0, 1}, {1});  // the target itself
    refused({0, 1}, {3});
    refused({0, 1}, {-1});
    refused({0, -1}, {7});
    const std::vector<Index> columns{0}, offsets{0, 0, 2}, rows{0, 1};
    CHECK_THROWS_AS(cross_entropy(scores, rows, {columns, offsets}, loss, scores), Error);
    CHECK_THROWS_AS(cross_entropy(scores, rows, {}, loss, Matrix(2, 2)), Error);
    CHECK(test::same_bits(scores, before));
}
