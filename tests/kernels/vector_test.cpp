#include "kernels/vector.hpp"

#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;
using test::normal;

TEST_CASE("dot, sum, largest, axpy and scale equal plain loops for every length", "[vector]") {
    for (Index n = 0; n < 70; ++n) {
        const Matrix a = normal(1, n, 1), b = normal(1, n, 2);
        double dot = 0, sum = 0, most = -std::numeric_limits<double>::infinity();
        for (Index i = 0; i < n; ++i) {
            dot += double{a(0, i)} * double{b(0, i)};
            sum += a(0, i);
            most = std::max<double>(most, a(0, i));
        }
        CHECK(detail::dot(a.data(), b.data(), n) == Approx(dot).margin(1e-5));
        CHECK(detail::sum(a.data(), n) == Approx(sum).margin(1e-5));
        CHECK(detail::largest(a.data(), n) == most);
        Matrix y = b;
        detail::axpy(2, a.data(), y.data(), n);
        detail::scale(3, y.data(), n);
        for (Index i = 0; i < n; ++i) REQUIRE(y(0, i) == Approx(3 * (b(0, i) + 2 * a(0, i))).margin(1e-5));
    }
}

TEST_CASE("largest is NaN when one number is", "[vector]") {
    for (const Index n : {1, 15, 16, 17, 64, 65})
        for (Index at = 0; at < n; ++at) {
            Matrix a = normal(1, n, 1);
            a(0, at) = std::numeric_limits<Real>::quiet_NaN();
            REQUIRE(std::isnan(detail::largest(a.data(), n)));
        }
}

TEST_CASE("exp_of_negative is within 2e-7 of the exponential, down to -87", "[vector]") {
    double worst = 0;
    for (int i = 0; i <= 2'000'000; ++i) {
        const auto x = static_cast<Real>(-87.0 * i / 2'000'000);
        const double exact = std::exp(double{x});
        worst = std::max(worst, std::abs(detail::exp_of_negative(x) - exact) / exact);
    }
    INFO("largest relative error " << worst);
    CHECK(worst < 2e-7);
    CHECK(detail::exp_of_negative(Real{0}) == 1);
    CHECK(detail::exp_of_negative(-Real{0}) == 1);
    // What rounding makes slightly positive is allowed for.
    CHECK(detail::exp_of_negative(static_cast<Real>(1e-3)) == Approx(std::exp(1e-3)));
    for (const double x : {-87.5, -104.0, -1e4, -1e38, -std::numeric_limits<double>::infinity()})
        CHECK(detail::exp_of_negative(static_cast<Real>(x)) == 0);
    CHECK(std::isnan(detail::exp_of_negative(std::numeric_limits<Real>::quiet_NaN())));
}
