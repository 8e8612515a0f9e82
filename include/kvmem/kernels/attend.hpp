// Attention: queries are compared with the keys of a key-value memory, and the output is the weighted sum of its
// values.
//
// Letters: B queries, S slots, H heads of queries, G heads of keys and values, D width of a head's key, E width of a
// head's value, N segments.
//
//     score[b, h, s] = scale * similarity(query[b, h], key[s, g]) + biases, or -inf where a mask hides the slot
//     weight[b, h, :] = normalizer(score[b, h, :])
//     output[b, h] = sum over s of weight[b, h, s] * value[s, g]          with g = h / (H / G)
//     log_sum_exp[b, h] = log of the sum over s of exp(score)
//
// (Vaswani et al. 2017, eq. 1; without scale the addressing and reading of Miller et al. 2016, section 3.2.)
// The softmax is taken block by block while the scores are made (Dao et al. 2022), so memory does not grow with S.
//
// A fully masked query returns zeros and log_sum_exp = -inf, and its gradients are zero. A masked slot has weight 0 but
// must hold finite numbers: 0 times NaN is NaN. A bias of -inf masks a slot. Any other bias is finite, and sums of
// biases stop at the lowest float.
//
// The weights of a query sum to one however large its scores are, but a float tells scores of 10^9 apart in steps of 64
// only. Squares of distances have an error of some 2e-4, or of a few roundings where that is more, wherever the points
// lie.
//
// Outputs and gradients must not overlap inputs. Large calls run on several threads and are bit-reproducible
// (core/parallel.hpp). Calls on different threads are safe if each has its own outputs and its own Arena, which gets
// its scratch back at the end. All functions throw Error when shapes, segments or options do not fit each other.
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/bfloat16.hpp"
#include "kvmem/core/matrix.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace kvmem {

struct OwnedSegments;

// Which queries see which slots: queries [query_offsets[i], query_offsets[i+1]) see slots [slot_offsets[i],
// slot_offsets[i+1]). Both offsets rise from 0 and have N + 1 entries. The arrays must outlive their view.
struct Segments {
    // Offsets of queries and of slots.
    std::span<const Index> query_offsets;
    std::span<const Index> slot_offsets;

    // The number N of segments.
    [[nodiscard]] Index size() const { return query_offsets.empty() ? 0 : std::ssize(query_offsets) - 1; }

    // One memory that all queries share.
    [[nodiscard]] static OwnedSegments all(Index queries, Index slots);
    // A memory of its own for each query, as a memory network has it for each question.
    [[nodiscard]] static OwnedSegments one_query_each(std::span<const Index> slot_offsets);
    // Self-attention: each sequence sees itself.
    [[nodiscard]] static OwnedSegments self(std::span<const Index> offsets);
};

// Segments with arrays of their own. Keep them in a variable for as long as a view is used: a view of a temporary would
// dangle, so it does not compile.
struct OwnedSegments {
    // The arrays of Segments, and a view of them.
    std::vector<Index> query_offsets, slot_offsets;

    // A view of the arrays, valid as long as they are.
    operator Segments() const& { return {query_offsets, slot_offsets}; }
    operator Segments() const&& = delete;
};

// The score of a query q and a key k.
enum class Similarity {
    dot,        // q . k; with scale 1 / sqrt(D) the scaled dot product. Bilinear (Luong et al. 2015, "general"): pass
                // linear(query, W)
    cosine,     // q . k / (|q| |k|), 0 for a row of zeros
    euclidean,  // -|q - k|^2, by products near the origin, to which distant segments are moved. It is slower where the
                // points of a segment are far from each other
    additive,   // direction . tanh(q + k) (Bahdanau et al. 2015; the projections W q and U k are the caller's)
};

// How the scores of a query become weights.
enum class Normalizer {
    softmax,
    sparsemax,  // Martins and Astudillo 2016
    entmax15,   // Peters et al. 2019, alpha 1.5
    top_k,      // softmax over the k largest scores; of equal scores the first slots win
    none,       // the scores themselves (the linear start of Sukhbaatar et al. 2015), 0 where masked. Euclidean
                // similarity does not go with it, and biases must be finite
};

// Where query i of a segment of q queries and s slots stands, for masks and distances: at slot i + (s - q), so that the
// last query stands at the last slot, as in decoding; or at slot i, as in ONNX.
enum class CausalAlignment { ends, starts };

// How attention reads.
struct AttendOptions {
    Index heads = 1;      // H
    Index key_heads = 0;  // G, which divides H (Ainslie et al. 2023); 0: as many as heads
    Real scale = 1;       // the inverse of the temperature; inverse_sqrt(D) for scaled dot products
    // The score, and how scores become weights.
    Similarity similarity = Similarity::dot;
    Normalizer normalizer = Normalizer::softmax;
    Index top_k = 0;   // of Normalizer::top_k: 1 or more
    Real softcap = 0;  // c: products become c * tanh(product / c) before biases (Bello et al. 2017); 0: they stay
    // A causal mask hides all slots behind the query's own place. A window hides the slots that are `window` or more
    // away on either side (0: none).
    bool causal = false;
    Index window = 0;
    CausalAlignment alignment = CausalAlignment::ends;
    // Attention with linear biases (Press et al. 2022): score -= slopes[h] * |place - slot|. [H], or empty.
    std::span<const Real> slopes = {};
    // Each weight becomes 0 with this probability and grows by 1 / (1 - dropout) otherwise, as `seed` decides.
    double dropout = 0;
    std::uint64_t seed = 0;
    // Each query has the bits that it has in a call of its own, with the slots that a causal mask leaves to it:
    // decoding step by step then equals a whole run. It holds for a softmax of dot products, in calls that
    // all write weights or none, and makes segments of many queries slower.
    bool alone = false;

    // The number of heads of keys and values, G.
    [[nodiscard]] Index memory_heads() const { return key_heads > 0 ? key_heads : heads; }
};

// What attention reads. It views all arrays. B queries, S slots, D and E the widths of a head.
struct AttendInput {
    ConstView query;           // [B, H*D]
    ConstView key;             // [S, G*D]
    ConstView value;           // [S, G*E]
    ConstView slot_bias = {};  // [S, 1] or [S, H], or empty: added to every score of the slot
    // A bias for each pair of query and slot, in the order of the weights: [weight_count(segments, H), 1], or
    // [weight_count(segments, 1), 1] for all heads, or empty.
    ConstView pair_bias = {};
    ConstView direction = {};  // [1, H*D], of Similarity::additive
    // A bias for each distance of a query's place and a slot, instead of one for each pair: row R + place - slot of [2R
    // + 1, H], where R is at least as large as all distances; or empty.
    ConstView distance_bias = {};
};

// What attention writes.
struct AttendOutput {
    View output;       // [B, H*E]
    View log_sum_exp;  // [B, H]; of all scores, with top_k of the k largest
    // Empty, or weight_count() numbers: the attention weights before dropout, segment after segment, each segment as
    // [queries, heads, slots].
    std::span<Real> weights = {};
    // Empty, or saved_score_count() numbers at the beginning of a cache line, as an Arena gives them: the scores, which
    // only attend_backward() understands. Weights and scores exclude each other.
    std::span<Real> scores = {};
};

// Throws the Error that attend() would.
void check_attend(const AttendInput& in, const Segments& segments, const AttendOptions& options);

// Writes the output. `scratch` is used within the call. Throws Error when shapes or options do not fit.
void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, const AttendOutput& out,
            Arena& scratch);

// The same over bfloat16 keys [S, G*D] and values [S, G*E], which cost half as much to read. Only the softmax of dot
// products with slopes and masks is supported, and there is no backward pass.
void attend(ConstView query, Bfloat16View key, Bfloat16View value, const Segments& segments,
            const AttendOptions& options, const AttendOutput& out, Arena& scratch);

// The easy entry point: query [B, H*D], key [S, G*D] and value [S, G*E] give the output [B, H*E]. Every query sees
// every slot that options.causal and options.window leave. As everywhere here, options.scale is 1 unless it is set:
// scaled dot-product attention (Vaswani et al. 2017) is attend(query, key, value, {.scale = inverse_sqrt(D)}).
[[nodiscard]] Matrix attend(ConstView query, ConstView key, ConstView value, const AttendOptions& options = {});
// 1 / sqrt(width).
[[nodiscard]] Real inverse_sqrt(Index width);

// The number of pairs of query and slot that share a segment, times `heads`.
[[nodiscard]] Index weight_count(const Segments& segments, Index heads);
// The attention weights alone, as in AttendOutput. in.value may be empty.
void attend_weights(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                    std::span<Real> weights, Arena& scratch);

// The backward pass adds to these gradients. Empty ones are not computed.
struct AttendGradients {
    // Each has the shape of its input; the scale is one number.
    View query = {};
    View key = {};
    View value = {};
    View slot_bias = {};
    View pair_bias = {};
    View direction = {};
    Real* scale = nullptr;
    // Empty, or weight_count() numbers: the gradients of the products of queries and keys, in the order of the weights.
    // They are written, not added to, and exist for dot products where saves_weights() holds.
    std::span<Real> products = {};
    View distance_bias = {};  // as the input
};

// `out` is what attend() wrote, `grad_output` [B, H*E] the gradient of out.output. Weights and scores that were not
// saved are recomputed block by block from the log-sum-exp (Dao et al. 2022, appendix B.4). A log-sum-exp beyond 1,024
// is itself recomputed, because a float is too coarse for it.
void attend_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                     const AttendOutput& out, ConstView grad_output, const AttendGradients& grads, Arena& scratch);

// The backward pass of attend_weights(), from its weights and their gradients.
void attend_weights_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                             std::span<const Real> weights, std::span<const Real> grad_weights,
                             const AttendGradients& grads, Arena& scratch);

// Whether the weights should be saved for backward. They must be, unless they are a plain softmax of products. They
// should be where few queries see each slot, because then they are few.
[[nodiscard]] bool saves_weights(const Segments& segments, const AttendOptions& options);

// How many scores should be saved for backward where weights are not, which spares one matrix product of five. The
// count is 0 where a segment of more than a few queries has more than 512 slots, or where there are more than 2^24
// scores (64 MB of float): memory is worth more then.
[[nodiscard]] Index saved_score_count(const Segments& segments, const AttendOptions& options);

// Merges the softmax outputs of two disjoint sets of slots: output [B, H*E] and log_sum_exp [B, H] become those of
// both. So shards, caches and machines combine. Weights have the accuracy of the log-sum-exp: 1e-4 at 1,000, and none
// where all slots are masked by -10^9.
void merge_outputs(View output, View log_sum_exp, ConstView other_output, ConstView other_log_sum_exp);

namespace naive {
// Straight from the formulas, in double: the oracle of the tests.
void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, const AttendOutput& out);
}  // namespace naive

}  // namespace kvmem
