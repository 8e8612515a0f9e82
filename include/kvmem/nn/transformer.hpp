// The layers of a Transformer (Vaswani et al. 2017, section 3): sequences read themselves and, in a decoder, the output
// of an encoder. The three attentions are attend() with three kinds of segments.
#pragma once

#include "kvmem/nn/gated_delta_net.hpp"
#include "kvmem/nn/multi_head_attention.hpp"
#include "kvmem/nn/product_key_memory.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// How a layer learns where a row stands in its sequence.
enum class Positions {
    none,
    sinusoidal,  // added to the first layer's input (Vaswani et al. 2017, section 3.5)
    rotary,      // queries and keys turn (Su et al. 2021)
    learned,     // a vector for each position, added to the first layer's input (Gehring et al. 2017)
    relative,    // a bias of scores for each head and bucket of distances, of all layers (Raffel et al. 2020, T5)
    alibi,       // scores fall with the distance, by 2^(-8 h / H) for head h of 1 .. H (Press et al. 2022)
};
inline std::span<const char* const> choices(Positions) {
    static constexpr const char* names[] = {"none", "sinusoidal", "rotary", "learned", "relative", "alibi"};
    return names;
}

// Where a sub-layer f normalises rows: x + f(norm(x)) (Xiong et al. 2020), with a norm behind the last layer; or
// norm(x + f(x)) (Vaswani et al. 2017, section 3.1).
enum class NormOrder { pre, post };
inline std::span<const char* const> choices(NormOrder) {
    static constexpr const char* names[] = {"pre", "post"};
    return names;
}

// How the rows of a sequence read those before them: each by a lookup, or all by one memory that each row corrects
// (GatedDeltaNet). The latter is for causal layers; it has no window, and needs no positions.
enum class Mixer { attention, delta };
inline std::span<const char* const> choices(Mixer) {
    static constexpr const char* names[] = {"attention", "delta"};
    return names;
}

// The shape of the layers.
struct TransformerOptions {
    Index width = 0;      // of rows, d
    Index inner = 0;      // of feed-forwards; 0: 4 * width
    Index heads = 1;      // they divide the width
    Index key_heads = 0;  // of all attentions, as in MultiHeadOptions; 0: heads
    // The number of layers, and what a row of one reads.
    Index layers = 1;
    bool causal = false;        // a row reads itself and those before it alone
    Index window = 0;           // a row reads none that is this far away or farther; 0: any
    bool reads_memory = false;  // a decoder, with attention to an encoder's output of the same width
    // Where a row stands, and where a sub-layer is normalised and how.
    Positions positions = Positions::sinusoidal;
    Index max_positions = 2048;  // of learned ones: the length of the longest sequence
    Index max_distance = 128;    // of relative ones: distances from here on share a bias, as Shaw et al. 2018 clip them
    NormOrder norm_order = NormOrder::pre;
    NormForm norm = NormForm::layer;
    // The sub-layers.
    FeedForwardForm feed_forward = FeedForwardForm::relu;
    double softcap = 0;  // of the scores of all attentions; 0: none
    Mixer mixer = Mixer::attention;
    Index product_keys = 0;  // n: a ProductKeyMemory of n * n values is the feed-forward of the middle layer; 0: none
    // Of the first layer's input and of what each sub-layer adds, and of attention weights, on a tape that is training.
    double dropout = 0, attention_dropout = 0;
};

// The output of an encoder: sequence i reads rows [offsets[i], offsets[i+1]) of it.
struct EncoderOutput {
    // All rows [S, d], and N + 1 offsets.
    Var rows;
    std::span<const Index> offsets;
};

// What steps read: the keys and values of each layer, or its GatedDeltaNet::State. All are of one stack.
struct TransformerCache {
    std::vector<KeyValueCache> self;    // a sequence for each row of a step
    std::vector<Matrix> delta;          // instead of them, with Mixer::delta: a row for each row of a step
    std::vector<KeyValueCache> memory;  // a sequence for each sequence of the encoder, computed once

    // Row i goes on from what row rows[i] was. Throws Error as KeyValueCache does.
    void reorder(std::span<const Index> rows);
};

// One layer. With NormOrder::pre:
//
//     x = x + self(norm(x))     x = x + memory(norm(x)), of a decoder     x = x + feed_forward(norm(x))
//
// self is a GatedDeltaNet with Mixer::delta, and feed_forward a ProductKeyMemory with product keys.
//
// Parameters: of the MultiHeadAttentions name.self (or the GatedDeltaNet name.delta) and name.memory, the FeedForward
// name.feed_forward (or the ProductKeyMemory name.product_keys), and the LayerNorms name.norm1, of self, name.norm2, of
// the feed-forward, and name.norm_memory.
class TransformerLayer {
  public:
    // Throws Error when a width is not positive or not a multiple of the heads, or the dropout is not from 0 to
    // below 1.
    TransformerLayer(Parameters& parameters, const std::string& name, const TransformerOptions& options,
                     std::uint64_t seed);

    // The attentions of a layer in one pass, with their weights.
    struct Reads {
        std::optional<MultiHeadAttention::Read> self{};    // of Mixer::attention
        std::optional<MultiHeadAttention::Read> memory{};  // of a decoder
    };
    struct Run {
        // The output, and what made it.
        Var out;  // of the shape of x
        Reads reads;
        std::optional<GatedDeltaNet::State> delta{};  // after the last rows, of Mixer::delta
    };

    // Sequence i is rows [offsets[i], offsets[i+1]) of x [n, d]. A decoder needs a memory with as many sequences.
    // `bias` is of the attention to the sequence itself. All calls throw Error when shapes do not fit.
    Run operator()(Var x, std::span<const Index> offsets, const EncoderOutput* memory = nullptr,
                   const LookupBias& bias = {}) const;
    // The same for the next rows of each sequence of `self`, on a tape that is not training. Queries
    // [memory_offsets[i], memory_offsets[i+1]) read sequence i of `memory`, which may be null unless the layer reads
    // one. On an Error the cache is as it was.
    Run step(KeyValueCache& self, const KeyValueCache* memory, Var x, std::span<const Index> offsets,
             std::span<const Index> memory_offsets, const LookupBias& bias = {}) const;
    // The same for one row of each sequence by Mixer::delta, from the state before.
    Run step(const GatedDeltaNet::State& before, const KeyValueCache* memory, Var x,
             std::span<const Index> memory_offsets) const;
    // Adds the keys and values of an encoder's output to a cache, for step(), as sequences behind the others. Throws
    // Error, with the cache as it was, for a layer without a memory, for rows of another width or on a tape that is
    // training, and for offsets that do not rise from 0 to the rows.
    void project(const EncoderOutput& memory, KeyValueCache& cache) const;

  private:
    template <class Mix, class ReadMemory>
    Run run(Var x, Mix mix, ReadMemory read_memory) const;
    template <class Mix>
    Run run_step(const KeyValueCache* memory, Var x, std::span<const Index> memory_offsets, Mix mix) const;
    template <class F>
    Var sub_layer(Var x, const LayerNorm& norm, F f) const;
    AttendOptions read_options(const Tape& tape) const;
    AttendOptions self_options(const Tape& tape) const;

    TransformerOptions options_;
    std::vector<Real> slopes_;
    std::optional<MultiHeadAttention> self_, memory_;
    std::optional<GatedDeltaNet> delta_;
    std::optional<FeedForward> feed_forward_;
    std::optional<ProductKeyMemory> product_keys_;
    LayerNorm norm1_, norm2_;
    std::optional<LayerNorm> norm_memory_;
};

// Layers one above the other, with their positions.
//
// Parameters: of the TransformerLayers name.0, name.1 and so on; of the LayerNorm name.norm, with NormOrder::pre;
// name.positions [max_positions, d] of learned positions; name.distances [32, heads] of relative ones.
class TransformerStack {
  public:
    // Throws Error as TransformerLayer does, and without layers.
    TransformerStack(Parameters& parameters, const std::string& name, const TransformerOptions& options,
                     std::uint64_t seed);

    // The output of all layers [n, d], and the attentions of each.
    struct Run {
        // As the comment of the struct says.
        Var out;
        std::vector<TransformerLayer::Reads> reads;
    };

    // Sequence i is rows [offsets[i], offsets[i+1]) of x [n, d], vectors of variance one. On a tape that is not
    // training the bits of a row do not depend on other sequences and, in a causal stack, not on later rows: those of
    // step() are the same. All calls throw Error when shapes do not fit.
    Run operator()(Var x, std::span<const Index> offsets, const EncoderOutput* memory = nullptr) const;

    // An empty cache of N sequences, for a stack without a memory or one that reads this memory.
    TransformerCache start(Index sequences, const EncoderOutput* memory = nullptr) const;
    // Adds N sequences without rows behind those of a cache of this stack, and the sequences of their memory. Throws
    // Error, with the cache as it was, for another stack's cache, for fewer sequences than none, and for a memory as
    // TransformerLayer::project() does.
    void add(TransformerCache& cache, Index sequences, const EncoderOutput* memory = nullptr) const;
    // One more row for each of the N sequences, x [N, d], of a causal stack on a tape that is not training. Sequences
    // [memory_offsets[i], memory_offsets[i+1]) read sequence i of the memory. On an Error the cache is as it was.
    Run step(TransformerCache& cache, Var x, std::span<const Index> memory_offsets = {}) const;

    // The options, with all defaults filled in.
    const TransformerOptions& options() const { return options_; }

  private:
    void require_cache(const TransformerCache& cache) const;
    Var place(Var x, std::span<const Index> positions) const;
    LookupBias distance_bias(Tape& tape, std::span<const Index> positions) const;
    Run finish(Run run) const;

    TransformerOptions options_;
    std::vector<TransformerLayer> layers_;
    std::optional<LayerNorm> norm_;
    std::optional<Embedding> positions_, distances_;
};

}  // namespace kvmem
