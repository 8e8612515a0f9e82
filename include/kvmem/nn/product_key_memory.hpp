// A product-key memory: a table of n * n values, of which each input reads a few (Lample et al. 2019, arXiv
// 1907.05242).
#pragma once

#include "kvmem/kernels/product_keys.hpp"
#include "kvmem/nn/layers.hpp"

#include <span>
#include <string>

namespace kvmem {

// The shape of the layer.
struct ProductKeyOptions {
    Index width = 0;      // of the input, the output and a value
    Index keys = 0;       // n of a codebook; the memory has n * n values
    Index heads = 4;      // H
    Index key_width = 0;  // D, even; 0: width / 2 rounded up to an even number
    Index top_k = 32;     // slots that a head reads, at most n * n; of equal scores the lower slots win
};

// out = the sum over the heads of softmax(scores of the k best slots) times their values. The score of slot i * n + j
// is q' first[i] + q'' second[j], with q' and q'' the halves of the head's query, and query = norm(W x + b) a head at a
// time. The paper normalises over the batch; here each row has its own layer norm, so that its bits do not depend on
// the others.
//
// Parameters: name.query.weight [H*D, width] and .bias; name.norm.gain and .bias [1, D]; name.keys [H * 2 * n, D/2], of
// each head the first codebook and the second; name.values [n * n, width]. The codebooks begin with a deviation of
// 1 / sqrt(D/2), the values with one of 1 / sqrt(width). The gradients of both are sparse, so a training step costs
// what the batch reads, whatever the number of values.
class ProductKeyMemory {
  public:
    // Throws Error when the numbers do not fit each other.
    ProductKeyMemory(Parameters& parameters, const std::string& name, const ProductKeyOptions& options,
                     std::uint64_t seed);

    // What a lookup of B rows reads: slots [B * H * k], and their weights [B * H, k]. Both are the tape's.
    struct Read {
        // The output, and what it was read from.
        Var out;  // [B, width]
        std::span<const Token> slots;
        Var weights;
    };
    // x [B, width]. Throws Error when x has another width.
    [[nodiscard]] Read read(Var x) const;
    [[nodiscard]] Var operator()(Var x) const { return read(x).out; }

  private:
    ProductKeyOptions options_;
    Linear query_;
    LayerNorm norm_;
    Parameter* keys_;
    Parameter* values_;
};

}  // namespace kvmem
