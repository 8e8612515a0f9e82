// Rows of standard scale: layer normalisation and unit length.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <span>

namespace kvmem {

// out[i] = gain * (in[i] - mean) / sqrt(variance + epsilon) + bias, over each row (Ba et al. 2016).
// in, out [B, d]; gain, bias [1, d]. mean and inverse_deviation [B] are saved for backward. Throws Error when shapes do
// not fit.
inline constexpr Real layer_norm_epsilon = static_cast<Real>(1e-5);
void layer_norm(ConstView in, ConstView gain, ConstView bias, View out, std::span<Real> mean,
                std::span<Real> inverse_deviation);
// Adds to the gradients; empty ones are not computed.
void layer_norm_backward(ConstView in, ConstView gain, std::span<const Real> mean,
                         std::span<const Real> inverse_deviation, ConstView grad_out, View grad_in, View grad_gain,
                         View grad_bias);

// out[i] = gain * in[i] / sqrt(mean of its squares + epsilon), over each row (Zhang and Sennrich 2019). Otherwise as
// above.
void rms_norm(ConstView in, ConstView gain, View out, std::span<Real> inverse_deviation);
void rms_norm_backward(ConstView in, ConstView gain, std::span<const Real> inverse_deviation, ConstView grad_out,
                       View grad_in, View grad_gain);

// out[i] = in[i] / |in[i]|, so that dot products of rows are cosines. A row of zeros stays zero and has a zero
// gradient. length [B] is saved for backward. Throws Error when shapes do not fit.
void normalize_rows(ConstView in, View out, std::span<Real> length);
void normalize_rows_backward(ConstView out, std::span<const Real> length, ConstView grad_out, View grad_in);

}  // namespace kvmem
