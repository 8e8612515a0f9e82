#include "kvmem/kernels/elementwise.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"

#include <cmath>
#include <numbers>

namespace kvmem {

template <class F>
static void each(std::span<const Real> in, std::span<Real> out, F f) {
    require_shape(in.size() == out.size(), "activate", "as many numbers out as in");
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = f(in[i]);
}

static Real normal_cdf(Real x) { return Real{0.5} * std::erfc(-x * std::numbers::sqrt2_v<Real> / 2); }
static Real normal_density(Real x) {
    return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<Real> / std::numbers::sqrt2_v<Real>;
}

void activate(Activation f, std::span<const Real> in, std::span<Real> out) {
    switch (f) {
        case Activation::identity:
            return each(in, out, [](Real x) { return x; });
        case Activation::relu:
            return each(in, out, [](Real x) { return x < 0 ? Real{0} : x; });  // hands NaN on
        case Activation::tanh:
            return each(in, out, [](Real x) { return std::tanh(x); });
        case Activation::sigmoid:
            return each(in, out, [](Real x) { return 1 / (1 + std::exp(-x)); });
        case Activation::gelu:
            return each(in, out, [](Real x) { return x * normal_cdf(x); });
        case Activation::log1p:
            return each(in, out, [](Real x) { return std::log1p(x); });
    }
}

// grad_in += grad_out * slope(input, output)
template <class F>
static void each_slope(std::span<const Real> in, std::span<const Real> out, std::span<const Real> grad_out,
                       std::span<Real> grad_in, F slope) {
    require_shape(in.size() == out.size() && in.size() == grad_out.size() && in.size() == grad_in.size(),
                  "activate_backward", "as many numbers in each");
    for (std::size_t i = 0; i < in.size(); ++i) grad_in[i] += grad_out[i] * slope(in[i], out[i]);
}

void activate_backward(Activation f, std::span<const Real> in, std::span<const Real> out,
                       std::span<const Real> grad_out, std::span<Real> grad_in) {
    const auto with = [&](auto slope) { each_slope(in, out, grad_out, grad_in, slope); };
    switch (f) {
        case Activation::identity:
            return with([](Real, Real) { return Real{1}; });
        case Activation::relu:
            return with([](Real x, Real) { return x > 0 ? Real{1} : Real{0}; });
        case Activation::tanh:
            return with([](Real, Real y) { return 1 - y * y; });
        case Activation::sigmoid:
            return with([](Real, Real y) { return y * (1 - y); });
        case Activation::gelu:
            return with([](Real x, Real) { return normal_cdf(x) + x * normal_density(x); });
        case Activation::log1p:
            return with([](Real x, Real) { return 1 / (1 + x); });
    }
}

// Calls body(i, factor) with factor 0 or 1 / (1 - rate).
template <class Body>
static void each_kept(double rate, std::uint64_t seed, std::size_t count, Body body) {
    require_shape(rate >= 0 && rate < 1, "dropout", "a rate from 0 to below 1");
    Rng rng(seed);
    const auto keep = static_cast<Real>(1 / (1 - rate));
    for (std::size_t i = 0; i < count; ++i) body(i, rng.uniform() < rate ? Real{0} : keep);
}

void dropout(double rate, std::uint64_t seed, std::span<const Real> in, std::span<Real> out) {
    require_shape(in.size() == out.size(), "dropout", "as many numbers out as in");
    each_kept(rate, seed, in.size(), [&](std::size_t i, Real factor) { out[i] = in[i] * factor; });
}

void dropout_backward(double rate, std::uint64_t seed, std::span<const Real> grad_out, std::span<Real> grad_in) {
    require_shape(grad_in.size() == grad_out.size(), "dropout_backward", "as many numbers in each");
    each_kept(rate, seed, grad_out.size(), [&](std::size_t i, Real factor) { grad_in[i] += grad_out[i] * factor; });
}

}  // namespace kvmem
