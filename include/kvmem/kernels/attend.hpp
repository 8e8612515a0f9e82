// The one lookup: queries are compared with the keys of a key-value memory, and the weighted values are read.
//
// Letters: B queries, S slots, H heads of queries, G heads of keys and values, D width of a head's key, E width of a
// head's value, N segments.
//
//     score[b, h, s] = scale * similarity(query[b, h], key[s, g]) + biases, or -inf where a mask forbids to read
//     weight[b, h, :] = normalizer(score[b, h, :])
//     read[b, h] = sum over s of weight[b, h, s] * value[s, g]          with g = h / (H / G)
//     log_sum_exp[b, h] = log of the sum over s of exp(score)
//
// (Vaswani et al. 2017, eq. 1; without scale the addressing and reading of Miller et al. 2016, section 3.2.)
// The softmax is taken block by block while the scores are made (Dao et al. 2022), so memory does not grow with S. A
// query that may read nothing reads zero with log_sum_exp -inf, and has zero gradients. A slot that is masked has
// weight 0, but must hold numbers: 0 times NaN is NaN.
//
// A bias of -inf masks a slot; any other is finite, down to the lowest float, also where two of them are added up. The
// weights of a query sum to one however large scores are, but scores of 10^9 are told apart in steps of 64 only.
// Squares of distances have an error of some 2e-4, or of a few roundings where that is more, wherever the points lie.
// Outputs and gradients must not overlap inputs.
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/bfloat16.hpp"
#include "kvmem/core/matrix.hpp"

#include <cstdint>
#include <span>

namespace kvmem {

// Who reads what: queries [query_offsets[i], query_offsets[i+1]) read slots [slot_offsets[i], slot_offsets[i+1]).
// Both rise from 0 and have N + 1 entries. One query a segment is a memory network's own memory for each
// question; a single segment is a memory shared by all; equal offsets are self-attention over sequences.
struct Segments {
    std::span<const Index> query_offsets;
    std::span<const Index> slot_offsets;

    Index size() const { return query_offsets.empty() ? 0 : static_cast<Index>(query_offsets.size()) - 1; }
};

enum class Similarity {
    dot,        // q . k; with scale 1 / sqrt(D) the scaled dot product. Bilinear (Luong et al. 2015, "general"): hand
                // in linear(query, W)
    cosine,     // q . k / (|q| |k|), 0 for a row of zeros
    euclidean,  // -|q - k|^2. By products near the origin, which segments far from it are moved to; slower where the
                // points of a segment are far from each other
    additive,   // direction . tanh(q + k) (Bahdanau et al. 2015; the projections W q and U k are the caller's)
};

enum class Normalizer {
    softmax,
    sparsemax,  // Martins and Astudillo 2016
    entmax15,   // Peters et al. 2019, alpha 1.5
    top_k,      // softmax over the k largest scores; of equal ones those of the first slots
    none,  // the scores themselves (the linear start of Sukhbaatar et al. 2015), 0 where a mask forbids to read. Not
           // with Euclidean similarity; biases must be finite
};

struct AttendOptions {
    Index heads = 1;      // H
    Index key_heads = 0;  // G, which divides H (Ainslie et al. 2023); 0: as many as heads
    Real scale = 1;       // the inverse of the temperature
    Similarity similarity = Similarity::dot;
    Normalizer normalizer = Normalizer::softmax;
    Index top_k = 0;  // of Normalizer::top_k: 1 or more
    bool causal =
        false;         // query i of a segment of q queries and s slots reads slots up to i + (s - q): ends are aligned
    Index window = 0;  // it reads only slots nearer than this to i + (s - q), on both sides; 0: all
    // Attention with linear biases (Press et al. 2022): score -= slopes[h] * |i + (s - q) - slot|. [H], or empty.
    std::span<const Real> slopes = {};
    // Each weight becomes 0 with this probability and grows by 1 / (1 - dropout) otherwise. The same for a seed.
    double dropout = 0;
    std::uint64_t seed = 0;

    Index memory_heads() const { return key_heads > 0 ? key_heads : heads; }
};

struct AttendInput {
    ConstView query;           // [B, H*D]
    ConstView key;             // [S, G*D]
    ConstView value;           // [S, G*E]
    ConstView slot_bias = {};  // [S, 1] or [S, H] or empty: added to every score of the slot
    // [weight_count(segments, H), 1], or [weight_count(segments, 1), 1] for all heads, or empty: a bias for each pair
    // of query and slot, in the order of the weights.
    ConstView pair_bias = {};
    ConstView direction = {};  // [1, H*D], of Similarity::additive
};

struct AttendOutput {
    View output;       // [B, H*E]
    View log_sum_exp;  // [B, H]; of all scores, with top_k of the k largest
    // Empty, or weight_count() numbers: the weights before dropout, segment after segment, each as [queries, heads,
    // slots]. Asking for them costs the memory that they fill.
    std::span<Real> weights = {};
    // Empty, or saved_score_count() numbers at the beginning of a cache line (an Arena's are): the scores, for
    // attend_backward() alone. Not beside weights.
    std::span<Real> scores = {};
};

// Throws Error unless shapes, segments and options fit each other.
void check_attend(const AttendInput& in, const Segments& segments, const AttendOptions& options);

// Large calls run on several threads; the bits do not depend on how many. Scratch is given back at the end.
void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, const AttendOutput& out,
            Arena& scratch);

// The same over a memory of 16-bit keys [S, G*D] and values [S, G*E], which costs half as much to read. Softmax of dot
// products, slopes and masks. Not differentiated.
void attend(ConstView query, Bfloat16View key, Bfloat16View value, const Segments& segments,
            const AttendOptions& options, const AttendOutput& out, Arena& scratch);

// The weights alone, as in AttendOutput (in.value may be empty).
Index weight_count(const Segments& segments, Index heads);
void attend_weights(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                    std::span<Real> weights, Arena& scratch);

// Gradients, added to what is there. Those that are empty are not computed.
struct AttendGradients {
    View query = {};
    View key = {};
    View value = {};
    View slot_bias = {};
    View pair_bias = {};
    View direction = {};
    Real* scale = nullptr;
    // Empty, or weight_count() numbers: the gradients of the products of queries and keys, in the order of the weights.
    // Written, not added to; of dot products alone, and only where weights are kept (saves_weights()).
    std::span<Real> products = {};
};

// `out` is what attend() gave, `grad_output` the gradient of out.output. Without out.weights they are made again from
// the log-sum-exp (Dao et al. 2022, appendix B.4), a block at a time, and so are scores without out.scores. A
// log-sum-exp beyond 1,024, which a float has too coarsely, is made once more. Throws Error when a shape does not fit.
void attend_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                     const AttendOutput& out, ConstView grad_output, const AttendGradients& grads, Arena& scratch);

// The way back from weights that attend_weights() gave and their gradients.
void attend_weights_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                             std::span<const Real> weights, std::span<const Real> grad_weights,
                             const AttendGradients& grads, Arena& scratch);

// Whether a lookup should keep its weights for the way back: they must be kept unless they are a plain softmax of
// products, and are best kept when few queries read each slot, as then they are few.
bool saves_weights(const Segments& segments, const AttendOptions& options);

// How many scores a lookup that does not keep its weights should keep for the way back, which is then one matrix
// product of five shorter. 0 where more than a few queries have more than 512 slots, or all of them more than 2^24
// scores (64 MB of float): memory is then worth more.
Index saved_score_count(const Segments& segments, const AttendOptions& options);

// The softmax read of two disjoint sets of slots from the reads of each: read [B, H*E], log_sum_exp [B, H] become those
// of both. So shards, caches and machines combine. Weights have the accuracy of the log-sum-exp: 1e-4 at 1,000, and
// none where all slots are masked by -10^9.
void merge_outputs(View read, View log_sum_exp, ConstView other_output, ConstView other_log_sum_exp);

namespace naive {
// Straight from the formulas, a row of scores at a time, in double: the oracle of the tests.
void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, const AttendOutput& out);
}  // namespace naive

}  // namespace kvmem
