#include "kvmem/nn/pca.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;
using test::normal;

// The largest distance of mean + coordinates * directions from the points.
static double distance_of_reconstruction(const PrincipalComponents& p, ConstView points) {
    double worst = 0;
    for (Index i = 0; i < points.rows; ++i)
        for (Index j = 0; j < points.cols; ++j) {
            double x = p.mean(0, j);
            for (Index k = 0; k < p.directions.rows(); ++k) x += p.coordinates(i, k) * p.directions(k, j);
            worst = std::max(worst, std::abs(x - points(i, j)));
        }
    return worst;
}

TEST_CASE("principal components in all dimensions reconstruct the points", "[pca]") {
    for (const auto& [n, d] : {std::pair<Index, Index>{50, 7}, {3, 10}, {1, 4}, {20, 1}}) {
        const Matrix points = normal(n, d, 1, 3);
        const PrincipalComponents p = pca(points, d);
        CHECK(distance_of_reconstruction(p, points) < 1e-10);
        double total = 0;
        for (Index k = 0; k < d; ++k) {
            total += p.variance[static_cast<std::size_t>(k)];
            if (k > 0) CHECK(p.variance[static_cast<std::size_t>(k)] <= p.variance[static_cast<std::size_t>(k - 1)]);
            for (Index l = 0; l <= k; ++l) {
                double product = 0;
                for (Index j = 0; j < d; ++j) product += p.directions(k, j) * p.directions(l, j);
                CHECK(product == Approx(k == l).margin(1e-12));
            }
        }
        CHECK(total == Approx(p.total_variance).margin(1e-12));
    }
}

TEST_CASE("the axes of an ellipse are its principal components", "[pca]") {
    // Around (5, -2), with half axes of 3 along (4, 3) / 5 and of 1 along (-3, 4) / 5.
    constexpr Index n = 360;
    Matrix points(n, 2);
    for (Index i = 0; i < n; ++i) {
        const double angle = 2 * std::acos(-1.0) * static_cast<double>(i) / n;
        const double along = 3 * std::cos(angle), across = std::sin(angle);
        points(i, 0) = 5 + 0.8 * along - 0.6 * across;
        points(i, 1) = -2 + 0.6 * along + 0.8 * across;
    }
    const PrincipalComponents p = pca(points, 2);
    CHECK(p.mean(0, 0) == Approx(5));
    CHECK(p.mean(0, 1) == Approx(-2));
    CHECK(p.directions(0, 0) == Approx(0.8));
    CHECK(p.directions(0, 1) == Approx(0.6));
    CHECK(p.directions(1, 0) == Approx(-0.6));
    CHECK(p.directions(1, 1) == Approx(0.8));
    CHECK(p.variance[0] == Approx(9.0 / 2 * n / (n - 1)));
    CHECK(p.variance[1] == Approx(1.0 / 2 * n / (n - 1)));
    CHECK(p.coordinates(0, 0) == Approx(3));
    CHECK(test::same_bits(pca(points, 1).coordinates, pca(points, 1).coordinates));
    CHECK(pca(points, 1).coordinates(0, 0) == Approx(3));
}

TEST_CASE("principal components of degenerate points are finite", "[pca]") {
    const PrincipalComponents none = pca(Matrix(0, 3), 2);
    CHECK(none.coordinates.rows() == 0);
    CHECK(none.directions.rows() == 2);
    CHECK(pca(Matrix(0, 0), 0).directions.rows() == 0);
    CHECK(pca(Matrix(4, 0), 0).coordinates.rows() == 4);
    Matrix same(5, 3);
    same.fill(7);
    const PrincipalComponents one = pca(same, 2);
    for (Index i = 0; i < one.coordinates.size(); ++i) CHECK(one.coordinates.data()[i] == 0);
    CHECK(one.total_variance == 0);
    Matrix line(4, 3);  // of rank 1
    for (Index i = 0; i < 4; ++i) line(i, 1) = static_cast<Real>(i);
    const PrincipalComponents rank_one = pca(line, 3);
    CHECK(rank_one.directions(0, 1) == Approx(1));
    CHECK(rank_one.variance[1] == Approx(0).margin(1e-12));
    Matrix large(3, 2);
    large(0, 0) = std::numeric_limits<float>::max();
    large(1, 1) = -std::numeric_limits<float>::max();
    CHECK(std::isfinite(pca(large, 2).variance[0]));
}

TEST_CASE("principal components of impossible arguments are an error", "[pca]") {
    Matrix points = normal(4, 3, 1);
    CHECK_THROWS_AS(pca(points, 4), Error);
    CHECK_THROWS_AS(pca(points, -1), Error);
    points(1, 1) = std::numeric_limits<Real>::quiet_NaN();
    CHECK_THROWS_AS(pca(points, 2), Error);
}
