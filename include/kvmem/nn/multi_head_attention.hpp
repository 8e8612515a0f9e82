// Multi-head attention: several lookups side by side, each with its own projection (Vaswani et al. 2017,
// section 3.2.2).
#pragma once

#include "kvmem/nn/key_value_cache.hpp"
#include "kvmem/nn/layers.hpp"

#include <span>
#include <string>

namespace kvmem {

// The shape of the layer.
struct MultiHeadOptions {
    Index width = 0;      // of the output, and of the inputs unless stated
    Index heads = 1;      // H
    Index key_heads = 0;  // G, grouped queries (Ainslie et al. 2023): head h reads key head h / (H / G); 0: H
    Index query_in = 0, key_in = 0, value_in = 0;  // widths of the inputs; 0: width
    Index head_key = 0, head_value = 0;            // D and E, widths of a head's key and value; 0: width / heads
    bool bias = true;                              // of the four projections
    bool rotary = false;  // queries and keys turn by their positions (kernels/positions.hpp); needs even head_key
};

// out = concat(head_1 .. head_H) Wo with head_h = softmax(q Wq_h (k Wk_g)' / sqrt(D)) v Wv_g, plus biases.
//
// Parameters: name.query.weight [H*D, query_in], name.key.weight [G*D, key_in], name.value.weight [G*E, value_in],
// name.out.weight [width, H*E], and a .bias of each. Weights begin as Xavier's, biases at zero.
// Read::weights() gives the weights of each head; they are never averaged. With rotary positions, slot s of a segment
// stands at position s, and query i of q queries at i + (slots - q), as everywhere in attend().
class MultiHeadAttention {
  public:
    // Throws Error when a width is not positive, or the heads do not divide what they share.
    MultiHeadAttention(Parameters& parameters, const std::string& name, const MultiHeadOptions& options,
                       std::uint64_t seed);

    // The output of a read, and its projected inputs. Valid until the tape's reset(), of a cache until its next
    // append().
    struct Read {
        Var out;                // [B, width]
        Var query, key;         // projected: [B, H*D], [S, G*D]
        ConstView log_sum_exp;  // [B, H]
        Segments segments;      // of a cache: each is followed by one without queries
        // How the lookup read, and its biases.
        AttendOptions options;
        LookupBias bias;

        // [weight_count(segments, H), 1]: segment after segment, each as [queries, heads, slots]; differentiable.
        [[nodiscard]] Var weights() const { return attend_weights(query, key, segments, options, bias); }
    };

    // query [B, query_in] reads key [S, key_in] and value [S, value_in]: a memory, or the output of an encoder. The
    // heads and the scale of `how` are ignored: they are the layer's. A query without slots gives the bias of the
    // output. All calls throw Error when shapes do not fit.
    [[nodiscard]] Read read(Var query, Var key, Var value, const Segments& segments, const AttendOptions& how = {},
                            const LookupBias& bias = {}) const;
    [[nodiscard]] Read read(Var query, Var memory, const Segments& segments, const AttendOptions& how = {},
                            const LookupBias& bias = {}) const {
        return read(query, memory, memory, segments, how, bias);
    }
    // Self-attention: sequence i is rows [offsets[i], offsets[i+1]) of x [B, width].
    [[nodiscard]] Read self(Var x, std::span<const Index> offsets, const AttendOptions& how = {},
                            const LookupBias& bias = {}) const {
        return read(x, x, {offsets, offsets}, how, bias);
    }

    // The same with a cache, on a tape that is not training (Error otherwise). Rows [offsets[i], offsets[i+1]) of each
    // matrix belong to sequence i of the cache; a sequence may have none.
    void append(KeyValueCache& cache, Var key, Var value, std::span<const Index> offsets) const;
    [[nodiscard]] Read read(const KeyValueCache& cache, Var query, std::span<const Index> offsets,
                            const AttendOptions& how = {}, const LookupBias& bias = {}) const;
    // Appends x and reads with it causally: the result is that of causal self() over the whole sequences for their last
    // rows. On an Error the cache is as it was.
    Read step(KeyValueCache& cache, Var x, std::span<const Index> offsets, const AttendOptions& how = {},
              const LookupBias& bias = {}) const;

    const MultiHeadOptions& options() const { return options_; }  // with all defaults filled in

  private:
    Read attend_projected(Var query, Var key, Var value, const Segments& segments, AttendOptions how,
                          const LookupBias& bias) const;

    MultiHeadOptions options_;
    Linear query_, key_, value_, out_;
};

}  // namespace kvmem
