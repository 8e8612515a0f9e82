// The small layers. They refer to parameters of the network that made them, which must outlive them.
#pragma once

#include "kvmem/autograd/ops.hpp"

#include <optional>
#include <span>
#include <string>

namespace kvmem {

// A table of vectors for tokens, read in bags or one by one.
class Embedding {
  public:
    // Adds a table [tokens, width] of normal numbers with this deviation, named `name`. Throws Error when the name is
    // taken.
    Embedding(Parameters& parameters, const std::string& name, Index tokens, Index width, double deviation,
              std::uint64_t seed)
        : table_(&parameters.add_normal(name, tokens, width, deviation, seed)) {}
    // Shares a table, which must outlive the layer.
    explicit Embedding(Parameter& table) : table_(&table) {}

    // The scaled sum of the rows of each bag. Throws Error for a token outside of the table.
    [[nodiscard]] Var operator()(Tape& tape, RaggedView<Token> bags, BagScale scale) const {  // [bags, width]
        return embed_sum(tape, *table_, bags, scale);
    }
    // The row of each token.
    [[nodiscard]] Var operator()(Tape& tape, std::span<const Token> tokens) const;  // [tokens, width]
    // The table [tokens, width].
    Parameter& table() const { return *table_; }

  private:
    Parameter* table_;
};

// The standard deviation of a weight [out, in] at the start: 1 / sqrt(in), or sqrt(2 / (in + out)) (Glorot and Bengio
// 2010, eq. 12, "Xavier").
enum class Init { fan_in, xavier };

// How a Linear begins.
struct LinearOptions {
    // The deviation of the weight, and whether the layer has a bias.
    Init init = Init::fan_in;
    bool bias = true;
};

// x [B, in] to x W' + b [B, out]. b begins at zero. Parameters: name.weight, name.bias.
class Linear {
  public:
    // Adds the parameters. Throws Error when a name is taken.
    Linear(Parameters& parameters, const std::string& name, Index in, Index out, std::uint64_t seed,
           const LinearOptions& options = {});

    // Throws Error when x has another width than `in`.
    [[nodiscard]] Var operator()(Var x) const;

  private:
    Parameter* weight_;
    Parameter* bias_;  // null: without
};

// What a feed-forward does between its maps: relu or gelu; or swiglu, swish of one map times another (Shazeer 2020).
enum class FeedForwardForm { relu, gelu, swiglu };
inline std::span<const char* const> choices(FeedForwardForm) {
    static constexpr const char* names[] = {"relu", "gelu", "swiglu"};
    return names;
}

// x [B, width] to f(x W1' + b1) W2' + b2 [B, width], with W1 [inner, width] (Vaswani et al. 2017, eq. 2), or to
// (swish(x W1' + b1) * (x V' + c)) W2' + b2. Weights begin as Xavier's. Parameters: of the Linears name.in, name.out
// and, of swiglu, name.times.
class FeedForward {
  public:
    // Adds the parameters. Throws Error when a name is taken.
    FeedForward(Parameters& parameters, const std::string& name, Index width, Index inner, Activation activation,
                std::uint64_t seed);
    FeedForward(Parameters& parameters, const std::string& name, Index width, Index inner, FeedForwardForm form,
                std::uint64_t seed);

    // Throws Error when x has another width.
    [[nodiscard]] Var operator()(Var x) const;

  private:
    Linear in_, out_;
    std::optional<Linear> times_;
    Activation activation_;
};

// The normalisation of rows: to mean 0 and variance 1 (Ba et al. 2016), or to a mean square of 1 (Zhang and Sennrich
// 2019).
enum class NormForm { layer, rms };
inline std::span<const char* const> choices(NormForm) {
    static constexpr const char* names[] = {"layer", "rms"};
    return names;
}

// kernels/normalize.hpp. The gain begins at one, the bias at zero.
class LayerNorm {
  public:
    // Adds name.gain and, unless the form is rms, name.bias, [1, width] each. Throws Error when a name is taken.
    LayerNorm(Parameters& parameters, const std::string& name, Index width, NormForm form = NormForm::layer);

    // Each row of x [B, width] by itself. Throws Error when x has another width.
    [[nodiscard]] Var operator()(Var x) const {
        const Var gain = x.tape->parameter(*gain_);
        return bias_ ? layer_norm(x, gain, x.tape->parameter(*bias_)) : rms_norm(x, gain);
    }

  private:
    Parameter* gain_;
    Parameter* bias_;  // null: the form is rms
};

}  // namespace kvmem
