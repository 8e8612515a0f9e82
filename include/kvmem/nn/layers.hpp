// The small layers. They refer to parameters of the network that made them, which must outlive them.
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

    [[nodiscard]] Var operator()(Tape& tape, RaggedView<Token> bags, BagScale scale) const {  // [bags, width]
        return embed_sum(tape, *table_, bags, scale);
    }
    Parameter& table() const { return *table_; }

  private:
    Parameter* table_;
};

// The standard deviation of a weight [out, in] at the start: 1 / sqrt(in), or sqrt(2 / (in + out)) (Glorot and Bengio
// 2010, eq. 12, "Xavier").
enum class Init { fan_in, xavier };

struct LinearOptions {
    Init init = Init::fan_in;
    bool bias = true;
};

// x [B, in] to x W' + b [B, out]. b begins at zero. Parameters: name.weight, name.bias.
class Linear {
  public:
    Linear(Parameters& parameters, const std::string& name, Index in, Index out, std::uint64_t seed,
           const LinearOptions& options = {});

    [[nodiscard]] Var operator()(Var x) const;

  private:
    Parameter* weight_;
    Parameter* bias_;  // null: without
};

// x [B, width] to f(x W1' + b1) W2' + b2 [B, width], with W1 [inner, width] (Vaswani et al. 2017, eq. 2). Weights
// begin as Xavier's. Parameters: of the Linears name.in and name.out.
class FeedForward {
  public:
    FeedForward(Parameters& parameters, const std::string& name, Index width, Index inner, Activation activation,
                std::uint64_t seed);

    [[nodiscard]] Var operator()(Var x) const { return out_(activate(in_(x), activation_)); }

  private:
    Linear in_, out_;
    Activation activation_;
};

// kernels/normalize.hpp. The gain begins at one, the bias at zero.
class LayerNorm {
  public:
    LayerNorm(Parameters& parameters, const std::string& name, Index width);

    [[nodiscard]] Var operator()(Var x) const {
        return layer_norm(x, x.tape->parameter(*gain_), x.tape->parameter(*bias_));
    }

  private:
    Parameter* gain_;
    Parameter* bias_;
};

}  // namespace kvmem
