#include "kvmem/kernels/gemm.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

using namespace kvmem;
using test::normal;

// c of a random product with op(a) m x k, op(b) k x n.
static void check_product(Index m, Index n, Index k, const std::vector<Real>& betas = {0, 1, Real{-0.5}}) {
    for (const Transpose ta : {Transpose::no, Transpose::yes})
        for (const Transpose tb : {Transpose::no, Transpose::yes})
            for (const Real beta : betas) {
                const Matrix a = ta == Transpose::yes ? normal(k, m, 1) : normal(m, k, 1);
                const Matrix b = tb == Transpose::yes ? normal(n, k, 2) : normal(k, n, 2);
                Matrix c = normal(m, n, 3);
                if (beta == 0) c.fill(std::numeric_limits<Real>::quiet_NaN());  // need not be initialised
                Matrix expected = c;
                gemm(Real{0.5}, a, ta, b, tb, beta, c);
                naive::gemm(Real{0.5}, a, ta, b, tb, beta, expected);
                INFO(m << " x " << n << " x " << k << ", beta " << beta);
                REQUIRE(test::distance(c, expected) <= 1e-6 * std::sqrt(static_cast<double>(k) + 1) * 10);
            }
}

TEST_CASE("gemm equals its naive twin", "[gemm]") {
    for (const Index m : {1, 2, 17})
        for (const Index n : {1, 3, 19})
            for (const Index k : {1, 5, 31}) check_product(m, n, k);
    check_product(32, 32, 32);
    check_product(31, 33, 32);
    check_product(70, 65, 130);
    check_product(1, 2000, 64);
    check_product(2000, 1, 64);
}

TEST_CASE("gemm of empty matrices scales c and reads nothing", "[gemm]") {
    for (const auto& [m, n, k] : {std::array<Index, 3>{0, 3, 4}, {3, 0, 4}, {0, 0, 0}, {3, 4, 0}, {100, 100, 0}})
        check_product(m, n, k);
}

TEST_CASE("gemm of several blocks each way equals its naive twin", "[gemm]") { check_product(200, 530, 300, {1}); }

TEST_CASE("gemm of great depth does not lose what it adds", "[gemm]") {
    check_product(3, 5, 20000);
    constexpr Index depth = 3000000;
    Matrix a(1, depth), b(1, depth), c(1, 1);
    a.fill(Real{0.1f});
    b.fill(1);
    gemm(1, a, Transpose::no, b, Transpose::yes, 0, c);
    CHECK(c(0, 0) == Approx(double{Real{0.1f}} * depth).epsilon(5e-5));
}

TEST_CASE("gemm gives the same bits wherever the matrices lie and whoever else is multiplying", "[gemm][threads]") {
    constexpr Index m = 13, n = 70, k = 90, copies = 64;
    const Matrix a = normal(m, k, 1), b = normal(n, k, 2);
    Matrix expected(m, n);
    gemm(1, a, Transpose::no, b, Transpose::yes, 0, expected);
    Matrix results(copies, m * n + copies);
    parallel_for(copies, 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            gemm(1, a, Transpose::no, b, Transpose::yes, 0, View{results.row(i) + i, m, n});
    });
    for (Index i = 0; i < copies; ++i)
        REQUIRE(std::equal(expected.data(), expected.data() + expected.size(), results.row(i) + i));
}

TEST_CASE("gemm refuses shapes that do not fit", "[gemm]") {
    const auto no = Transpose::no, yes = Transpose::yes;
    Matrix c(2, 4);
    CHECK_THROWS_AS(gemm(1, Matrix(2, 3), no, Matrix(4, 4), no, 0, c), Error);
    CHECK_THROWS_AS(gemm(1, Matrix(2, 3), no, Matrix(3, 5), no, 0, c), Error);
    CHECK_THROWS_AS(gemm(1, Matrix(3, 3), no, Matrix(3, 4), no, 0, c), Error);
    CHECK_THROWS_AS(gemm(1, Matrix(2, 3), yes, Matrix(3, 4), no, 0, c), Error);
    CHECK_THROWS_AS(gemm(1, Matrix(2, 3), no, Matrix(3, 4), yes, 0, c), Error);
    CHECK_NOTHROW(gemm(1, Matrix(3, 2), yes, Matrix(4, 3), yes, 0, c));
}

TEST_CASE("products that run at once do not disturb each other", "[gemm][threads]") {
    const Matrix a = test::normal(16, 40, 1), b = test::normal(90, 40, 2);
    Matrix alone(16, 90);
    gemm(1, a, Transpose::no, b, Transpose::yes, 0, alone);
    std::atomic<int> wrong{0};
    parallel_for(20000, 100, [&](Index first, Index last) {
        Matrix c(16, 90);
        for (Index i = first; i < last; ++i) {
            gemm(1, a, Transpose::no, b, Transpose::yes, 0, c);
            wrong += !test::same_bits(c, alone);
        }
    });
    CHECK(wrong == 0);
}

TEST_CASE("a row of a product has the same bits among any number of rows", "[gemm][exact]") {
    const Matrix a = normal(200, 300, 1), b = normal(70, 300, 2);
    Matrix all(200, 70);
    gemm(1, a, Transpose::no, b, Transpose::yes, 0, all);
    for (Index rows = 1; rows <= 200; ++rows) {
        Matrix some(rows, 70);
        gemm(1, a.view().middle_rows(0, rows), Transpose::no, b, Transpose::yes, 0, some);
        CHECK(test::same_bits(some, all.view().middle_rows(0, rows)));
    }
}
