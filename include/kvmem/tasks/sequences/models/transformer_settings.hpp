// The settings that all networks of Transformer layers have.
#pragma once

#include "kvmem/nn/transformer.hpp"
#include "kvmem/train/settings.hpp"

namespace kvmem {

struct TransformerSettings {
    Index width = 256;
    Index heads = 4, key_heads = 0;
    Index inner = 512;
    Positions positions = Positions::sinusoidal;
    Index max_positions = 2048, max_distance = 128;
    NormOrder norm_order = NormOrder::pre;
    NormForm norm = NormForm::layer;
    FeedForwardForm feed_forward = FeedForwardForm::relu;
    double softcap = 0;
    bool tied = true;
    double dropout = 0.3, attention_dropout = 0;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of a symbol's vector in all layers");
        field("heads", c.heads, Range{1, 1024}, "lookups side by side; they divide the width");
        field("key_heads", c.key_heads, Range{0, 1024},
              "heads of keys and values, which divide the heads and are shared by them; 0: heads");
        field("inner", c.inner, Range{1, 65536}, "width inside feed-forwards");
        field("positions", c.positions, "none, sinusoidal, rotary, learned, relative or alibi");
        field("max_positions", c.max_positions, Range{1, 1e6}, "symbols of a sequence at most, with learned positions");
        field("max_distance", c.max_distance, Range{1, 1e6},
              "with relative positions, from which all distances are alike: below the lengths of training, for longer "
              "ones");
        field("norm_order", c.norm_order, "normalise before a sub-layer or behind it: pre or post");
        field("norm", c.norm, "of rows: layer or rms");
        field("feed_forward", c.feed_forward, "relu, gelu or swiglu");
        field("softcap", c.softcap, Range::from(0),
              "the largest score of an attention, which tanh bends to it; 0: any");
        field("tied", c.tied, "one table for symbols and for the scores of the output");
        field("dropout", c.dropout, Range::below(0, 1), "of embeddings and of what each sub-layer adds");
        field("attention_dropout", c.attention_dropout, Range::below(0, 1), "of attention weights");
        field("seed", c.seed, "of every random choice");
    }
    // Throws UsageError for settings that do not fit together.
    void check() const;
    // The layers of a network.
    TransformerOptions options(Index layers) const;
};

}  // namespace kvmem
