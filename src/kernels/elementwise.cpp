#include "kvmem/kernels/elementwise.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"

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
