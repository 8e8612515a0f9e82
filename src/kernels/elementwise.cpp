#include "kvmem/kernels/elementwise.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"

namespace kvmem {

void activate(Activation f, std::span<const Real> in, std::span<Real> out) {
    require_shape(in.size() == out.size(), "activate", "as many numbers out as in");
    detail::simd().activate(f, in.data(), out.data(), static_cast<Index>(in.size()));
}

void activate_backward(Activation f, std::span<const Real> in, std::span<const Real> out,
                       std::span<const Real> grad_out, std::span<Real> grad_in) {
    require_shape(in.size() == out.size() && in.size() == grad_out.size() && in.size() == grad_in.size(),
                  "activate_backward", "as many numbers in each");
    detail::simd().activate_backward(
        f, {in.data(), out.data(), grad_out.data(), grad_in.data(), static_cast<Index>(in.size())});
}

static detail::Dropout dropout_of(double rate, std::uint64_t seed) {
    require_shape(rate >= 0 && rate < 1, "dropout", "a rate from 0 to below 1");
    return {seed, static_cast<std::uint32_t>(rate * 0x1p32), static_cast<Real>(1 / (1 - rate))};
}

void dropout(double rate, std::uint64_t seed, std::span<const Real> in, std::span<Real> out) {
    require_shape(in.size() == out.size(), "dropout", "as many numbers out as in");
    detail::simd().dropout(dropout_of(rate, seed), in.data(), out.data(), static_cast<Index>(in.size()), false);
}

void dropout_backward(double rate, std::uint64_t seed, std::span<const Real> grad_out, std::span<Real> grad_in) {
    require_shape(grad_in.size() == grad_out.size(), "dropout_backward", "as many numbers in each");
    detail::simd().dropout(dropout_of(rate, seed), grad_out.data(), grad_in.data(), static_cast<Index>(grad_out.size()),
                           true);
}

}  // namespace kvmem
