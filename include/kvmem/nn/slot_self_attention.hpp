// Self-attention among the slots of a memory, before queries read them.
#pragma once

#include "kvmem/nn/multi_head_attention.hpp"

namespace kvmem {

// The shape of the layer.
struct SlotSelfAttentionOptions {
    Index width = 0;  // of a slot
    // The number of heads, which divides the width.
    Index heads = 1;
    Index key_heads = 0;                       // as in MultiHeadOptions
    Index inner = 0;                           // width inside the feed-forward; 0: 4 * width
    Activation activation = Activation::gelu;  // of the feed-forward
    double dropout = 0;                        // of the output of each half, in training
};

// x becomes y = x + attention(norm(x)) and then y + feed_forward(norm(y)): memory slots attend to each other (Santoro
// et al. 2018, section 3.2) in a Transformer's block with the normalisation inside (Xiong et al. 2020, figure 1b). The
// order of the slots makes no difference; with {.causal = true} it is a decoder's block over sequences.
//
// Parameters: of the layers name.attention, name.feed_forward, name.norm1 and name.norm2, with their initial values.
class SlotSelfAttention {
  public:
    // Throws Error when a width is not positive, the heads do not divide it, or dropout is not from 0 to below 1.
    SlotSelfAttention(Parameters& parameters, const std::string& name, const SlotSelfAttentionOptions& options,
                      std::uint64_t seed);

    // The new slots, and how they were read.
    struct Result {
        Var slots;                           // [S, width]
        MultiHeadAttention::Read attention;  // attention.weights() says how slots read each other
    };
    // slots [S, width]; rows [offsets[i], offsets[i+1]) are a segment and read only each other. `how` is that of
    // MultiHeadAttention::read. Throws Error when shapes do not fit.
    [[nodiscard]] Result operator()(Var slots, std::span<const Index> offsets, const AttendOptions& how = {}) const;

  private:
    MultiHeadAttention attention_;
    FeedForward feed_forward_;
    LayerNorm norm1_, norm2_;
    double dropout_;
};

}  // namespace kvmem
