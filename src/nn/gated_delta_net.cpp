#include "kvmem/nn/gated_delta_net.hpp"

#include "kvmem/core/error.hpp"

#include <cmath>
#include <numeric>
#include <vector>

namespace kvmem {

static constexpr const char* in_gated_delta_net = "GatedDeltaNet";

static GatedDeltaNetOptions filled_in(GatedDeltaNetOptions o) {
    constexpr Index max_width = Index{1} << 20;  // products of three do not overflow
    require_shape(o.width >= 1 && o.heads >= 1, in_gated_delta_net, "a positive width and number of heads");
    require_shape((o.head_key != 0 && o.head_value != 0) || o.width % o.heads == 0, in_gated_delta_net,
                  "heads that divide the width");
    for (Index* head : {&o.head_key, &o.head_value})
        if (*head == 0) *head = o.width / o.heads;
    for (const Index x : {o.width, o.heads, o.head_key, o.head_value})
        require_shape(x >= 1 && x <= max_width, in_gated_delta_net, "widths that are not negative and at most 2^20");
    return o;
}

GatedDeltaNet::GatedDeltaNet(Parameters& parameters, const std::string& name, const GatedDeltaNetOptions& options,
                             std::uint64_t seed)
    : options_(filled_in(options)),
      query_(add_linear(parameters, name + ".query", options_.heads * options_.head_key, seed)),
      key_(add_linear(parameters, name + ".key", options_.heads * options_.head_key, seed)),
      value_(add_linear(parameters, name + ".value", options_.heads * options_.head_value, seed)),
      gate_(add_linear(parameters, name + ".gate", options_.heads * options_.head_value, seed)),
      decay_(add_linear(parameters, name + ".decay", options_.heads, seed, true)),
      strength_(add_linear(parameters, name + ".strength", options_.heads, seed, true)),
      norm_(parameters, name + ".norm", options_.head_value),
      out_(parameters, name + ".out", options_.heads * options_.head_value, options_.width, seed,
           {.init = Init::xavier, .bias = false}) {
    Matrix& bias = parameters.find(name + ".decay.bias")->value;
    const auto last = static_cast<double>(options_.heads - 1);
    for (Index h = 0; h < options_.heads && parameters.start() == Start::drawn; ++h) {
        const double rows = std::exp2(last > 0 ? 3 + 6 * static_cast<double>(h) / last : 6);
        bias(0, h) = static_cast<Real>(std::log(rows - 1));  // a = 1 - 1 / rows
    }
}

Linear GatedDeltaNet::add_linear(Parameters& parameters, const std::string& name, Index out, std::uint64_t seed,
                                 bool bias) const {
    return {parameters, name, options_.width, out, seed, {.init = Init::xavier, .bias = bias}};
}

// Each of the H rows in a row of x to length 1.
static Var heads_of_length_1(Var x, Index heads) {
    return reshape(normalize_rows(reshape(x, x.rows() * heads, x.cols() / heads)), x.rows(), x.cols());
}

GatedDeltaNet::Run GatedDeltaNet::operator()(Var x, std::span<const Index> offsets, const State* initial) const {
    const Tape& tape = Tape::of(in_gated_delta_net, {x});
    require_shape(x.cols() == options_.width, in_gated_delta_net, "x [n, width]");
    const Index n = x.rows(), heads = options_.heads, e = options_.head_value;
    const DeltaRuleOutput memory = delta_rule({.query = heads_of_length_1(query_(x), heads),
                                               .key = heads_of_length_1(key_(x), heads),
                                               .value = value_(x),
                                               .decay = sigmoid(decay_(x)),
                                               .strength = sigmoid(strength_(x)),
                                               .memory = initial ? std::optional(initial->memory) : std::nullopt},
                                              offsets, !tape.training());
    const Var read = reshape(norm_(reshape(memory.out, n * heads, e)), n, heads * e);
    return {out_(read * sigmoid(gate_(x))), {memory.last}};
}

GatedDeltaNet::Run GatedDeltaNet::step(Var x, const State& state) const {
    std::vector<Index> offsets(static_cast<std::size_t>(x.rows()) + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    return (*this)(x, offsets, &state);
}

GatedDeltaNet::State GatedDeltaNet::start(Tape& tape, Index sequences) const {
    require_shape(sequences >= 0, in_gated_delta_net, "a number of sequences that is not negative");
    return {tape.constant(Matrix(sequences, options_.heads * options_.head_key * options_.head_value))};
}

}  // namespace kvmem
