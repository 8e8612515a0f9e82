// Functions of one number at a time, forward and backward.
//
// Backward functions add grad_out * f'(x) to grad_in, where f' is taken from the input or the output,
// whichever is cheaper; both are passed. All throw Error when the spans differ in length.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <span>

namespace kvmem {

// gelu is the exact x * Phi(x) (Hendrycks and Gimpel 2016); log1p is log(1 + x).
enum class Activation { identity, relu, tanh, sigmoid, gelu, log1p };

void activate(Activation f, std::span<const Real> in, std::span<Real> out);
void activate_backward(Activation f, std::span<const Real> in, std::span<const Real> out,
                       std::span<const Real> grad_out, std::span<Real> grad_in);

// Inverted dropout: each number is zero with probability `rate`, otherwise divided by 1 - rate. Which ones is
// decided by `seed` and the position alone. Throws Error unless 0 <= rate < 1. Forward with assign, backward (the same
// mask) by adding.
void dropout(double rate, std::uint64_t seed, std::span<const Real> in, std::span<Real> out);
void dropout_backward(double rate, std::uint64_t seed, std::span<const Real> grad_out, std::span<Real> grad_in);

}  // namespace kvmem
