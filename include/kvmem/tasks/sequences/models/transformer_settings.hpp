// The settings that all networks of Transformer layers have.
#pragma once

#include "kvmem/nn/transformer.hpp"
#include "kvmem/train/settings.hpp"

namespace kvmem {

struct TransformerSettings {
    Index width = 256;
    Index heads = 4;
    Index inner = 1024;
    Positions positions = Positions::sinusoidal;
    FeedForwardForm feed_forward = FeedForwardForm::relu;
    bool tied = true;
    double dropout = 0.3;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of a symbol's vector in all layers");
        field("heads", c.heads, Range{1, 1024}, "lookups side by side; they divide the width");
        field("inner", c.inner, Range{1, 65536}, "width inside feed-forwards");
        field("positions", c.positions, "none, sinusoidal or rotary");
        field("feed_forward", c.feed_forward, "relu or gelu");
        field("tied", c.tied, "one table for symbols and for the scores of the output");
        field("dropout", c.dropout, Range::below(0, 1), "of embeddings and of what each sub-layer adds");
        field("seed", c.seed, "of every random choice");
    }
    // Throws UsageError for settings that do not fit together.
    void check() const;
    // The layers of a network.
    TransformerOptions options(Index layers) const;
};

}  // namespace kvmem
