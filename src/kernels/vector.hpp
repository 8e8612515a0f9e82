// Loops over vectors that are not hot enough for src/kernels/simd. Not installed.
//
// Sums run in `lanes` independent parts, so that the compiler may use vector registers without reordering
// floating-point sums. The order is the same on every machine.
#pragma once

#include "kvmem/core/types.hpp"

#include <limits>

namespace kvmem::detail {

inline constexpr Index lanes = 16;

// Longer rows are summed in halves, because a large sum would lose what is added to it.
inline constexpr Index long_row = 4096;

inline Real dot(const Real* a, const Real* b, Index n) {
    if (n > long_row) return dot(a, b, n / 2) + dot(a + n / 2, b + n / 2, n - n / 2);
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

// The largest number; NaN if there is one, -inf of none.
inline Real largest_of(const Real* x, Index n) {
    Real largest = -std::numeric_limits<Real>::infinity();
    for (Index i = 0; i < n; ++i)
        if (x[i] > largest || x[i] != x[i]) largest = x[i];
    return largest;
}

// y += factor * x
inline void axpy(Real factor, const Real* x, Real* y, Index n) {
    for (Index i = 0; i < n; ++i) y[i] += factor * x[i];
}

// y += factor * (x - y)
inline void move_toward(Real factor, const Real* x, Real* y, Index n) {
    for (Index i = 0; i < n; ++i) y[i] += factor * (x[i] - y[i]);
}

}  // namespace kvmem::detail
