// Elementwise functions, forward and backward.
//
// Backward functions add grad_out * f'(x) to grad_in. They take both the input and the output, because f' is cheaper
// from one or the other. All throw Error when the spans differ in length.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <span>

namespace kvmem {

// gelu is the exact x * Phi(x) (Hendrycks and Gimpel 2016); swish is x * sigmoid(x) (Ramachandran et al. 2017, also
// called SiLU); log1p is log(1 + x).
enum class Activation { identity, relu, tanh, sigmoid, gelu, log1p, swish };

// out = f(in), and grad_in += grad_out * f'(in). Throw Error when lengths differ.
void activate(Activation f, std::span<const Real> in, std::span<Real> out);
void activate_backward(Activation f, std::span<const Real> in, std::span<const Real> out,
                       std::span<const Real> grad_out, std::span<Real> grad_in);

// Inverted dropout: each number becomes zero with probability `rate` and is divided by 1 - rate otherwise. The mask
// follows from `seed` and the position alone, so that backward applies the same one: it adds, where forward assigns.
// Throws Error unless 0 <= rate < 1.
void dropout(double rate, std::uint64_t seed, std::span<const Real> in, std::span<Real> out);
void dropout_backward(double rate, std::uint64_t seed, std::span<const Real> grad_out, std::span<Real> grad_in);

}  // namespace kvmem
