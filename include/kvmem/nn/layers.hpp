// The small layers: what they hold are parameters of the model that made them.
#pragma once

#include "kvmem/autograd/ops.hpp"

#include <string>

namespace kvmem {

// A table of vectors for tokens, read in bags.
class Embedding {
  public:
    Embedding(Parameters& parameters, const std::string& name, Index tokens, Index width, double deviation,
              std::uint64_t seed)
        : table_(&parameters.add_normal(name, tokens, width, deviation, seed)) {}
    explicit Embedding(Parameter& table) : table_(&table) {}

    Var operator()(Tape& tape, RaggedView<Token> bags, BagScale scale) const {  // [bags, width]
        return embed_sum(tape, *table_, bags, scale);
    }
    Parameter& table() const { return *table_; }

  private:
    Parameter* table_;
};

// x [B, in] to x W' + b [B, out]. W begins normal with deviation 1 / sqrt(in), b zero.
class Linear {
  public:
    Linear(Parameters& parameters, const std::string& name, Index in, Index out, std::uint64_t seed);

    Var operator()(Var x) const { return linear(x, x.tape->parameter(*weight_), x.tape->parameter(*bias_)); }

  private:
    Parameter* weight_;
    Parameter* bias_;
};

// kernels/normalize.hpp. The gain begins at one, the bias at zero.
class LayerNorm {
  public:
    LayerNorm(Parameters& parameters, const std::string& name, Index width);

    Var operator()(Var x) const { return layer_norm(x, x.tape->parameter(*gain_), x.tape->parameter(*bias_)); }

  private:
    Parameter* gain_;
    Parameter* bias_;
};

}  // namespace kvmem
