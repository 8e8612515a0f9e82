// Loops over short vectors that everything in this layer is made of. Not installed.
//
// Sums run in `lanes` independent parts so that the compiler may use vector registers without being allowed
// to reorder floating-point sums; the order is the same on every machine.
#pragma once

#include "kvmem/core/types.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace kvmem::detail {

inline constexpr Index lanes = 16;

inline Real dot(const Real* a, const Real* b, Index n) {
    Real part[lanes] = {};
    Index i = 0;
    for (; i + lanes <= n; i += lanes)
        for (Index l = 0; l < lanes; ++l) part[l] += a[i + l] * b[i + l];
    Real sum = 0;
    for (; i < n; ++i) sum += a[i] * b[i];
    for (Index width = lanes / 2; width > 0; width /= 2)
        for (Index l = 0; l < width; ++l) part[l] += part[l + width];
    return sum + part[0];
}

inline Real sum(const Real* a, Index n) {
    Real part[lanes] = {};
    Index i = 0;
    for (; i + lanes <= n; i += lanes)
        for (Index l = 0; l < lanes; ++l) part[l] += a[i + l];
    Real total = 0;
    for (; i < n; ++i) total += a[i];
    for (const Real p : part) total += p;
    return total;
}

// The largest number, -inf of none, NaN when there is one.
inline Real largest(const Real* a, Index n) {
    const auto better = [](Real x, Real y) { return x > y || x != x ? x : y; };
    Real part[lanes];
    for (Real& p : part) p = -std::numeric_limits<Real>::infinity();
    Index i = 0;
    for (; i + lanes <= n; i += lanes)
        for (Index l = 0; l < lanes; ++l) part[l] = better(a[i + l], part[l]);
    Real most = -std::numeric_limits<Real>::infinity();
    for (; i < n; ++i) most = better(a[i], most);
    for (const Real p : part) most = better(p, most);
    return most;
}

// y += factor * x
inline void axpy(Real factor, const Real* x, Real* y, Index n) {
    for (Index i = 0; i < n; ++i) y[i] += factor * x[i];
}

inline void scale(Real factor, Real* x, Index n) {
    for (Index i = 0; i < n; ++i) x[i] *= factor;
}

// e^x for x <= 0, and 0 below -87. In float, Cody and Waite's reduction and a polynomial of degree 6 with a
// relative error under 2e-7, in a form that the compiler turns into vector code (glibc's costs 10 times more).
inline float exp_of_negative(float x) {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    constexpr float rounder = 12582912.0f;
    const float clamped = x < -87.0f ? -87.0f : x;
    const float shifted = clamped * 1.44269504f + rounder;
    const float n = shifted - rounder;
    const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const auto power = std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + (127u << 23));
    return x < -87.0f ? 0.0f : p * power;
}
inline double exp_of_negative(double x) { return std::exp(x); }

}  // namespace kvmem::detail
