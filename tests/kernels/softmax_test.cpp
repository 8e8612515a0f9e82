#include "kvmem/kernels/softmax.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
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

TEST_CASE("log_softmax is the logarithm of the formula", "[softmax]") {
    for (const Index n : {1, 17, 100, 2048, 2049, 9000}) {
        const Matrix scores = normal(3, n, 1, 3);
        Matrix logs = scores;
        log_softmax(logs);
        for (Index i = 0; i < 3; ++i) {
            double total = 0;
            for (Index j = 0; j < n; ++j) total += std::exp(double{scores(i, j)});
            for (Index j = 0; j < n; ++j)
                REQUIRE(logs(i, j) == Approx(double{scores(i, j)} - std::log(total)).margin(1e-6));
        }
    }
    log_softmax(Matrix(0, 3));
    log_softmax(Matrix(3, 0));
}

TEST_CASE("log_softmax of huge, masked and broken scores", "[softmax]") {
    const Index n = 5000;  // of several blocks
    Matrix rows(5, n);
    rows.fill(-10000);
    rows(0, 4500) = 10000;
    for (Index i : {2, 3, 4}) std::fill_n(rows.row(i), n, -infinity);
    rows(3, 4999) = 3;
    rows(4, 7) = not_a_number;
    log_softmax(rows);
    CHECK(rows(0, 4500) == 0);
    CHECK(rows(0, 1) == -20000);
    CHECK(rows(1, 3) == Approx(-std::log(5000.0)));
    CHECK(rows(2, 3) == -infinity);
    CHECK(rows(3, 4999) == 0);
    CHECK(rows(3, 0) == -infinity);
    CHECK(std::isnan(rows(4, 7)));
    CHECK(std::isnan(rows(4, 4999)));
}

// The formulas for one row: its loss and its gradient.
static double naive_cross_entropy(ConstView scores, Index i, Index target, std::span<const Index> excluded,
                                  double smoothing, std::vector<double>& grad) {
    std::vector<Index> columns;  // that count
    double total = 0, loss = 0;
    for (Index j = 0; j < scores.cols; ++j)
        if (std::ranges::find(excluded, j) == excluded.end() && scores(i, j) != -infinity) columns.push_back(j);
    for (const Index j : columns) total += std::exp(double{scores(i, j)});
    grad.assign(static_cast<std::size_t>(scores.cols), 0);
    for (const Index j : columns) {
        const double share = std::exp(double{scores(i, j)}) / total;
        const double wanted = (1 - smoothing) * (j == target) + smoothing / static_cast<double>(columns.size());
        grad[static_cast<std::size_t>(j)] = target < 0 ? 0 : share - wanted;
        if (target >= 0 && wanted > 0) loss -= wanted * std::log(share);
    }
    return loss;
}

TEST_CASE("cross_entropy and its gradient equal the formulas", "[softmax]") {
    const Index n = 23;
    Matrix scores = normal(4, n, 1, 2);
    scores(0, 9) = scores(1, 0) = scores(1, 21) = -infinity;
    const std::vector<Index> targets{0, 22, -1, 5};
    Ragged<Index> excluded;
    excluded.push_row(std::vector<Index>{1, 2, 2, 9});
    excluded.push_row({});
    excluded.push_row(std::vector<Index>{0});
    excluded.push_row(std::vector<Index>{22});
    for (const bool excludes : {false, true})
        for (const double smoothing : {0.0, 0.1, 0.9}) {
            const RaggedView<Index> left_out = excludes ? excluded.view() : RaggedView<Index>{};
            std::vector<Real> loss(4, not_a_number);
            Matrix grad = normal(4, n, 2);
            cross_entropy(scores, targets, left_out, loss, grad, smoothing);
            for (Index i = 0; i < 4; ++i) {
                std::vector<double> expected;
                const double expected_loss =
                    naive_cross_entropy(scores, i, targets[static_cast<std::size_t>(i)],
                                        excludes ? left_out[i] : std::span<const Index>(), smoothing, expected);
                CHECK(loss[static_cast<std::size_t>(i)] == Approx(expected_loss).epsilon(1e-5));
                for (Index j = 0; j < n; ++j)
                    REQUIRE(grad(i, j) == Approx(expected[static_cast<std::size_t>(j)]).margin(1e-6));
            }
            if (smoothing > 0) continue;
            // In place of the scores.
            Matrix in_place = scores;
            std::vector<Real> again(4);
            cross_entropy(in_place, targets, left_out, again, in_place);
            CHECK(test::same_bits(in_place, grad));
            CHECK(again == loss);
        }
}

TEST_CASE("label smoothing of huge, masked and broken scores", "[softmax]") {
    Matrix scores(6, 3);
    scores.fill(-10000);
    scores(0, 1) = 10000;  // all but certain, and right
    scores(1, 1) = 10000;  // all but certain, and wrong
    for (Index j = 0; j < 3; ++j) scores(2, j) = -infinity;
    scores(3, 0) = not_a_number;
    scores(4, 0) = scores(4, 1) = -infinity;  // one column counts
    scores(5, 0) = -infinity;                 // the target is masked
    const std::vector<Index> targets{1, 0, 2, 1, 2, 0};
    std::vector<Real> loss(6);
    Matrix grad(6, 3);
    cross_entropy(scores, targets, {}, loss, grad, 0.3);
    CHECK(loss[0] == Approx(0.3 * 40000 / 3));
    CHECK(loss[1] == Approx(0.7 * 20000 + 0.3 * 40000 / 3));
    CHECK(grad(1, 0) == Approx(-0.8));
    CHECK(grad(1, 1) == Approx(0.9));
    CHECK(grad(1, 2) == Approx(-0.1));
    CHECK(loss[2] == infinity);
    CHECK(std::isnan(loss[3]));
    CHECK(loss[4] == Approx(0).margin(1e-3));
    CHECK(grad(4, 0) == 0);
    CHECK(grad(4, 2) == Approx(0).margin(1e-6));
    CHECK(loss[5] == infinity);
    scores.fill(std::numeric_limits<Real>::max());  // whose sum overflows
    cross_entropy(scores, targets, {}, loss, grad, 0.3);
    CHECK(loss[0] == Approx(std::log(3.0)));
    cross_entropy(Matrix(0, 3), {}, {}, {}, Matrix(0, 3), 0.3);
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
    for (const double smoothing : {-0.1, 1.0, double{not_a_number}})
        CHECK_THROWS_AS(cross_entropy(scores, rows, {}, loss, Matrix(2, 3), smoothing), Error);
    CHECK_THROWS_AS(cross_entropy(scores, rows, {}, loss, scores, 0.1), Error);  // which would lose the masks
    CHECK(test::same_bits(scores, before));
}
