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

static Activation activation_of(FeedForwardForm form) {
    return form == FeedForwardForm::relu   ? Activation::relu
           : form == FeedForwardForm::gelu ? Activation::gelu
                                           : Activation::swish;
}

FeedForward::FeedForward(Parameters& parameters, const std::string& name, Index width, Index inner,
                         FeedForwardForm form, std::uint64_t seed)
    : FeedForward(parameters, name, width, inner, activation_of(form), seed) {
    if (form == FeedForwardForm::swiglu)
        times_.emplace(parameters, name + ".times", width, inner, seed, LinearOptions{.init = Init::xavier});
}

Var FeedForward::operator()(Var x) const {
    const Var inner = activate(in_(x), activation_);
    return out_(times_ ? inner * (*times_)(x) : inner);
}

LayerNorm::LayerNorm(Parameters& parameters, const std::string& name, Index width, NormForm form)
    : gain_(&parameters.add(name + ".gain", Matrix(1, width))),
      bias_(form == NormForm::layer ? &parameters.add(name + ".bias", Matrix(1, width)) : nullptr) {
    gain_->value.fill(1);
}

}  // namespace kvmem
