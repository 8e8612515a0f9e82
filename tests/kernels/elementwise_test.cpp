#include "kvmem/kernels/elementwise.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace kvmem;

TEST_CASE("activations equal their formulas", "[elementwise]") {
    const std::vector<Real> in{-100, -3, -0.5, 0, 0.5, 3, 100};
    const auto check = [&](Activation f, auto formula) {
        std::vector<Real> out(in.size());
        activate(f, in, out);
        for (std::size_t i = 0; i < in.size(); ++i)
            CHECK(out[i] == Approx(formula(double{in[i]})).epsilon(1e-5).margin(1e-6));
    };
    check(Activation::identity, [](double x) { return x; });
    check(Activation::relu, [](double x) { return std::max(x, 0.0); });
    check(Activation::tanh, [](double x) { return std::tanh(x); });
    check(Activation::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); });
    check(Activation::gelu, [](double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); });
}

TEST_CASE("activations hand NaN on and refuse spans of different lengths", "[elementwise]") {
    const std::vector<Real> in{std::numeric_limits<Real>::quiet_NaN()};
    std::vector<Real> out(1), two(2);
    for (const Activation f :
         {Activation::identity, Activation::relu, Activation::tanh, Activation::sigmoid, Activation::gelu}) {
        activate(f, in, out);
        CHECK(std::isnan(out[0]));
        activate(f, {}, {});
        CHECK_THROWS_AS(activate(f, two, out), Error);
        CHECK_THROWS_AS(activate_backward(f, in, out, two, out), Error);
    }
}

TEST_CASE("dropout drops its share, keeps the mean, and goes back by the same mask", "[elementwise]") {
    constexpr std::size_t count = 50000;
    const std::vector<Real> in(count, 2);
    for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
        std::vector<Real> out(count), again(count), other(count), grad(count, 1);
        dropout(rate, 7, in, out);
        dropout(rate, 7, in, again);
        dropout(rate, 8, in, other);
        dropout_backward(rate, 7, in, grad);
        std::size_t dropped = 0;
        for (std::size_t i = 0; i < count; ++i) {
            dropped += out[i] == 0;
            REQUIRE((out[i] == 0 || out[i] == Approx(2 / (1 - rate))));
            REQUIRE(grad[i] == 1 + out[i]);
        }
        CHECK(static_cast<double>(dropped) / count == Approx(rate).margin(0.01));
        CHECK(out == again);
        CHECK((out == other) == (rate == 0));
    }
}

TEST_CASE("dropout refuses a rate that is none", "[elementwise]") {
    std::vector<Real> x(2), y(3);
    for (const double rate : {-0.1, 1.0, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS(dropout(rate, 1, x, x), Error);
        CHECK_THROWS_AS(dropout_backward(rate, 1, x, x), Error);
    }
    CHECK_THROWS_AS(dropout(0.5, 1, x, y), Error);
    CHECK_THROWS_AS(dropout_backward(0.5, 1, x, y), Error);
}
