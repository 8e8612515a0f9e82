#include "kvmem/kernels/normalize.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;
using test::normal;

TEST_CASE("layer_norm equals the formula", "[normalize]") {
    for (const Index d : {1, 2, 16, 37}) {
        const Matrix in = normal(4, d, 1, 3), gain = normal(1, d, 2), bias = normal(1, d, 3);
        Matrix out(4, d);
        std::vector<Real> mean(4), inverse(4);
        layer_norm(in, gain, bias, out, mean, inverse);
        for (Index i = 0; i < 4; ++i) {
            double m = 0, v = 0;
            for (Index j = 0; j < d; ++j) m += in(i, j) / static_cast<double>(d);
            for (Index j = 0; j < d; ++j) v += std::pow(in(i, j) - m, 2) / static_cast<double>(d);
            for (Index j = 0; j < d; ++j)
                REQUIRE(out(i, j) ==
                        Approx(gain(0, j) * (in(i, j) - m) / std::sqrt(v + 1e-5) + bias(0, j)).margin(2e-5));
        }
    }
}

TEST_CASE("layer_norm of a constant row is the bias", "[normalize]") {
    Matrix in(2, 8), out(2, 8);
    in.fill(5);
    const Matrix gain = normal(1, 8, 1), bias = normal(1, 8, 2);
    std::vector<Real> mean(2), inverse(2);
    layer_norm(in, gain, bias, out, mean, inverse);
    for (Index j = 0; j < 8; ++j) CHECK(out(1, j) == bias(0, j));
    layer_norm(Matrix(2, 0), Matrix(1, 0), Matrix(1, 0), Matrix(2, 0), mean, inverse);
    CHECK_THROWS_AS(layer_norm(in, Matrix(1, 7), bias, out, mean, inverse), Error);
    CHECK_THROWS_AS(layer_norm(in, gain, bias, Matrix(2, 7), mean, inverse), Error);
    std::vector<Real> one(1);
    CHECK_THROWS_AS(layer_norm(in, gain, bias, out, one, inverse), Error);
    CHECK_THROWS_AS(layer_norm_backward(in, gain, mean, inverse, out, Matrix(1, 8), Matrix(1, 8), Matrix(1, 8)), Error);
}

TEST_CASE("gradients of layer_norm that nobody wants are not needed for the others", "[normalize]") {
    const Matrix in = normal(3, 20, 1), gain = normal(1, 20, 2), grad_out = normal(3, 20, 3);
    Matrix out(3, 20), all_in(3, 20), all_gain(1, 20), all_bias(1, 20);
    std::vector<Real> mean(3), inverse(3);
    layer_norm(in, gain, gain, out, mean, inverse);
    layer_norm_backward(in, gain, mean, inverse, grad_out, all_in, all_gain, all_bias);
    Matrix grad_in(3, 20), grad_gain(1, 20), grad_bias(1, 20);
    layer_norm_backward(in, gain, mean, inverse, grad_out, grad_in, {}, {});
    layer_norm_backward(in, gain, mean, inverse, grad_out, {}, grad_gain, {});
    layer_norm_backward(in, gain, mean, inverse, grad_out, {}, {}, grad_bias);
    CHECK(test::same_bits(grad_in, all_in));
    CHECK(test::same_bits(grad_gain, all_gain));
    CHECK(test::same_bits(grad_bias, all_bias));
    CHECK_THROWS_AS(layer_norm_backward(in, gain, mean, inverse, grad_out, {}, Matrix(1, 19), {}), Error);
}

TEST_CASE("rows of millions of equal numbers have their mean and length", "[normalize]") {
    constexpr Index d = 3000000;
    Matrix in(1, d), gain(1, d), out(1, d), grad(1, d);
    in.fill(Real{0.1f});
    gain.fill(1);
    std::vector<Real> mean(1), inverse(1), length(1);
    layer_norm(in, gain, in, out, mean, inverse);
    CHECK(mean[0] == Approx(double{Real{0.1f}}).epsilon(1e-5));
    normalize_rows(in, out, length);
    CHECK(length[0] == Approx(double{Real{0.1f}} * std::sqrt(double{d})).epsilon(1e-5));
    // The mean of a constant gradient is taken from it.
    layer_norm_backward(in, gain, mean, inverse, in, grad, {}, {});
    CHECK(std::abs(grad(0, d / 2)) < 1e-5 * double{inverse[0]});
}

TEST_CASE("normalised rows have length one, also where squares leave the range of float", "[normalize]") {
    Matrix in = normal(6, 19, 1), out(6, 19);
    const double sizes[] = {1, 1e-25, 1e-38, 1e25, 1e37};
    for (Index i = 0; i < 5; ++i)
        for (Index j = 0; j < 19; ++j) in(i, j) *= static_cast<Real>(sizes[i]);
    for (Index j = 0; j < 19; ++j) in(5, j) = 0;
    std::vector<Real> length(6);
    normalize_rows(in, out, length);
    for (Index i = 0; i < 5; ++i) {
        double square = 0, along = 0, whole = 0;
        for (Index j = 0; j < 19; ++j) {
            square += double{out(i, j)} * double{out(i, j)};
            along += double{out(i, j)} * double{in(i, j)};
            whole += double{in(i, j)} * double{in(i, j)};
        }
        INFO("row " << i);
        CHECK(square == Approx(1).epsilon(1e-5));
        CHECK(along == Approx(std::sqrt(whole)).epsilon(1e-5));
        CHECK(length[static_cast<std::size_t>(i)] == Approx(std::sqrt(whole)).epsilon(1e-5).margin(0));
    }
    for (Index j = 0; j < 19; ++j) CHECK(out(5, j) == 0);
}

TEST_CASE("a row of zeros has no gradient, and a NaN stays one", "[normalize]") {
    Matrix in(2, 3), out(2, 3), grad_in(2, 3);
    in(1, 1) = std::numeric_limits<Real>::quiet_NaN();
    std::vector<Real> length(2);
    normalize_rows(in, out, length);
    normalize_rows_backward(out, length, normal(2, 3, 1), grad_in);
    for (Index j = 0; j < 3; ++j) CHECK(grad_in(0, j) == 0);
    CHECK(std::isnan(out(1, 0)));
    CHECK_THROWS_AS(normalize_rows(in, Matrix(2, 2), length), Error);
    CHECK_THROWS_AS(normalize_rows_backward(out, length, Matrix(1, 3), grad_in), Error);
}

TEST_CASE("rows of a mean square of one are those of the formula, and their gradients fit", "[normalize]") {
    for (const Index d : {1, 7, 16, 100}) {
        const Matrix in = test::normal(3, d, 1, 2), gain = test::normal(1, d, 2), grad_out = test::normal(3, d, 3);
        Matrix out(3, d), grad_in(3, d), grad_gain(1, d);
        std::vector<Real> inverse(3);
        rms_norm(in, gain, out, inverse);
        rms_norm_backward(in, gain, inverse, grad_out, grad_in, grad_gain);
        for (Index i = 0; i < 3; ++i) {
            double squares = 0, along = 0;
            for (Index j = 0; j < d; ++j) squares += double{in(i, j)} * double{in(i, j)} / static_cast<double>(d);
            const double r = 1 / std::sqrt(squares + 1e-5);
            for (Index j = 0; j < d; ++j) {
                CHECK(double{out(i, j)} == Approx(double{gain(0, j)} * double{in(i, j)} * r).margin(1e-5));
                along += double{grad_out(i, j)} * double{gain(0, j)} * double{in(i, j)} / static_cast<double>(d);
            }
            for (Index j = 0; j < d; ++j)
                CHECK(double{grad_in(i, j)} ==
                      Approx(r * (double{grad_out(i, j)} * double{gain(0, j)} - double{in(i, j)} * along * r * r))
                          .margin(1e-4));
        }
    }
}
