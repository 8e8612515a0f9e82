// Gated running states, elementwise: h_t = (1 - z_t) h_{t-1} + z_t c_t (the linear recurrence of Seo et al.
// 2017, arXiv 1606.04582, section 2.1; "f-pooling" of Bradbury et al. 2017, arXiv 1611.01576, equation 4).
//
// z, c and h are [n, d]: rows [offsets[i], offsets[i + 1]) are sequence i, before whose first row h is 0. A scan
// backwards begins at the last row of a sequence. z should lie from 0 to 1. All throw Error when shapes do not fit.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <span>

namespace kvmem {

// From the first row of a sequence to its last, or back.
enum class Direction { forwards, backwards };

// Bound by reading z and c and writing h once each.
void gated_scan(ConstView z, ConstView c, std::span<const Index> offsets, Direction direction, View h);

// Adds to grad_z and grad_c, unless they are empty. h is what gated_scan() wrote, and `scratch` holds d numbers.
void gated_scan_backward(ConstView z, ConstView c, ConstView h, std::span<const Index> offsets, Direction direction,
                         ConstView grad_h, View grad_z, View grad_c, std::span<Real> scratch);

namespace naive {
// h_t as the sum of c_s z_s times all (1 - z) between s and t.
void gated_scan(ConstView z, ConstView c, std::span<const Index> offsets, Direction direction, View h);
}  // namespace naive

}  // namespace kvmem
