#include "kvmem/nn/layers.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

Var Embedding::operator()(Tape& tape, std::span<const Token> tokens) const {
    const auto offsets = tape.arena().take<Index>(std::ssize(tokens) + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    return embed_sum(tape, *table_, {tokens, offsets}, BagScale::sum);
}

static double deviation(Init init, Index in, Index out) {
    const auto fan_in = static_cast<double>(std::max<Index>(in, 1));
    return init == Init::xavier ? std::sqrt(2 / (fan_in + static_cast<double>(out))) : 1 / std::sqrt(fan_in);
}

Linear::Linear(Parameters& parameters, const std::string& name, Index in, Index out, std::uint64_t seed,
               const LinearOptions& options)
    : weight_(&parameters.add_normal(name + ".weight", out, in, deviation(options.init, in, out), seed)),
      bias_(options.bias ? &parameters.add(name + ".bias", Matrix(1, out)) : nullptr) {}

Var Linear::operator()(Var x) const {
    const Var weight = x.tape->parameter(*weight_);
    return bias_ ? linear(x, weight, x.tape->parameter(*bias_)) : linear(x, weight);
}

FeedForward::FeedForward(Parameters& parameters, const std::string& name, Index width, Index inner,
                         Activation activation, std::uint64_t seed)
    : in_(parameters, name + ".in", width, inner, seed, {.init = Init::xavier}),
      out_(parameters, name + ".out", inner, width, seed, {.init = Init::xavier}),
      activation_(activation) {}

LayerNorm::LayerNorm(Parameters& parameters, const std::string& name, Index width)
    : gain_(&parameters.add(name + ".gain", Matrix(1, width))),
      bias_(&parameters.add(name + ".bias", Matrix(1, width))) {
    gain_->value.fill(1);
}

}  // namespace kvmem
