#include "kvmem/nn/orthogonal.hpp"

#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <utility>

using namespace kvmem;

static Matrix orthogonal_matrix(Index rows, Index cols, std::uint64_t seed, double gain = 1) {
    Matrix weight(rows, cols);
    Rng rng(seed);
    orthogonal(weight, rng, gain);
    return weight;
}

// The largest difference of w w' (of a wide matrix) or w' w from the identity.
static double distance_from_orthonormal(const Matrix& w) {
    const bool wide = w.rows() <= w.cols();
    const auto at = [&](Index i, Index k) { return double{wide ? w(i, k) : w(k, i)}; };
    double worst = 0;
    for (Index i = 0; i < std::min(w.rows(), w.cols()); ++i)
        for (Index j = 0; j <= i; ++j) {
            double product = i == j ? -1 : 0;
            for (Index k = 0; k < std::max(w.rows(), w.cols()); ++k) product += at(i, k) * at(j, k);
            worst = std::max(worst, std::abs(product));
        }
    return worst;
}

TEST_CASE("the smaller side of an orthogonal matrix is orthonormal", "[orthogonal]") {
    for (const auto& [rows, cols] : {std::pair<Index, Index>{1, 1}, {5, 5}, {3, 70}, {70, 3}, {64, 64}, {100, 40}})
        CHECK(distance_from_orthonormal(orthogonal_matrix(rows, cols, 1)) < 1e-6);
    CHECK(orthogonal_matrix(0, 4, 1).rows() == 0);
    CHECK(orthogonal_matrix(4, 0, 1).cols() == 0);
    const Matrix one = orthogonal_matrix(6, 4, 2), three = orthogonal_matrix(6, 4, 2, 3);
    for (Index i = 0; i < one.size(); ++i) CHECK(three.data()[i] == Approx(3 * one.data()[i]));
}

TEST_CASE("orthogonal matrices are uniform among all, of both determinants", "[orthogonal]") {
    double trace = 0;
    int rotations = 0, positive = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        const Matrix w = orthogonal_matrix(2, 2, seed);
        trace += double{w(0, 0)} + double{w(1, 1)};
        rotations += w(0, 0) * w(1, 1) - w(0, 1) * w(1, 0) > 0;
        positive += w(0, 0) > 0;  // which without signs by the diagonal of R is none or all
    }
    CHECK(std::abs(trace / 400) < 0.15);
    CHECK(std::abs(rotations - 200) < 40);
    CHECK(std::abs(positive - 200) < 40);
}

TEST_CASE("an orthogonal matrix has the same bits on any number of threads", "[orthogonal]") {
    const Matrix one = orthogonal_matrix(90, 90, 3);
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        CHECK(test::same_bits(orthogonal_matrix(90, 90, 3), one));
    }
    std::vector<Matrix> at_once(8);
    parallel_for(8, 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) at_once[static_cast<std::size_t>(i)] = orthogonal_matrix(90, 90, 3);
    });
    for (const Matrix& w : at_once) CHECK(test::same_bits(w, one));
    CHECK_FALSE(test::same_bits(orthogonal_matrix(90, 90, 4), one));
}
