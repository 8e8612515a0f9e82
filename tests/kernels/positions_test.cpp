// Sinusoids and rotary positions against their formulas.
#include "kvmem/kernels/positions.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <complex>

using namespace kvmem;
using test::normal;

TEST_CASE("sinusoids are those of the published formula", "[positions]") {
    const std::vector<Index> positions{0, 7, 7, 1000, 3};
    Matrix out(5, 7);
    sinusoids(positions, out);
    for (Index i = 0; i < 5; ++i)
        for (Index j = 0; j < 7; ++j) {
            const double angle =
                static_cast<double>(positions[i]) / std::pow(10000.0, static_cast<double>(2 * (j / 2)) / 7);
            CHECK(double{out(i, j)} == Approx(j % 2 == 0 ? std::sin(angle) : std::cos(angle)).margin(1e-6));
        }
    CHECK_THROWS_AS(sinusoids(positions, Matrix(4, 6).view()), Error);
}

TEST_CASE("rotary positions turn pairs of numbers like complex ones, and back", "[positions]") {
    const std::vector<Index> positions{5, 0, 300};
    const Index heads = 2, width = 6, half = 3;
    const Matrix x = normal(3, heads * width, 1);
    Matrix turns(3, width), y(3, heads * width), back(3, heads * width);
    rotary_turns(positions, turns);
    rotate(x, turns, y);
    for (Index i = 0; i < 3; ++i)
        for (Index first = 0; first < heads * width; first += width)
            for (Index j = first; j < first + half; ++j) {
                const double angle =
                    static_cast<double>(positions[i]) * std::pow(10000.0, -2.0 * static_cast<double>(j - first) / 6);
                const auto turned = std::polar(1.0, angle) * std::complex<double>(x(i, j), x(i, j + half));
                CHECK(double{y(i, j)} == Approx(turned.real()).margin(1e-5));
                CHECK(double{y(i, j + half)} == Approx(turned.imag()).margin(1e-5));
            }
    rotate_backward(y, turns, back);
    CHECK(test::distance(back, x) < 1e-6);
    CHECK_THROWS_AS(rotary_turns(positions, Matrix(3, 5).view()), Error);
    CHECK_THROWS_AS(rotate(x, turns, Matrix(3, 6).view()), Error);
}
