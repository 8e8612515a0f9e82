// The one lookup: softmax attention of queries over the slots of a key-value memory.
//
// Letters: B queries, S slots, H heads, D width of a head's key, E width of a head's value, N segments.
//
//     weight[b, h, s] = softmax over s of (scale * query[b, h] . key[s, h] + slot_bias[s])
//     read[b, h]      = sum over s of weight[b, h, s] * value[s, h]
//     log_sum_exp[b, h] = log of the sum over s of exp(score): two reads over disjoint slots merge with it
//
// (Vaswani et al. 2017, eq. 1; without scale the addressing and reading of Miller et al. 2016, section 3.2.)
// The softmax is taken block by block while the scores are made (Dao et al. 2022), so memory does not grow
// with S. A query that may read nothing reads zero with log_sum_exp -inf, and has zero gradients.
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"

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

struct AttendOptions {
    Index heads = 1;
    Real scale = 1;
    // Query i of a segment of q queries and s slots reads slots up to i + (s - q): the ends are aligned.
    bool causal = false;
};

struct AttendInput {
    ConstView query;      // [B, H*D]
    ConstView key;        // [S, H*D]
    ConstView value;      // [S, H*E]
    ConstView slot_bias;  // [S, 1] or empty: added to every score of the slot
};

// Throws Error unless shapes and segments fit each other.
void check_attend(const AttendInput& in, const Segments& segments, const AttendOptions& options);

// read[B, H*E], log_sum_exp[B, H]. Large calls run on several threads; the bits do not depend on how many.
void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, View read, View log_sum_exp);

// The weights, segment after segment, each as [queries, heads, slots]; `weights` holds weight_count() numbers. Made
// from the log-sum-exp, they are as exact as it is: with scores of 10^4, float leaves three digits.
Index weight_count(const Segments& segments, Index heads);
void attend_weights(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                    ConstView log_sum_exp, std::span<Real> weights);

// The way back from weights: with g the gradient of the weights, adds scale * ds_s k_s to the query's gradient
// and scale * ds_s q to the keys', where ds_s = p_s (g_s - sum of p g over the row). Empty views are not computed.
void attend_weights_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                             std::span<const Real> weights, std::span<const Real> grad_weights, View grad_query,
                             View grad_key);

// Gradients, added to what is there. Views that are empty are not computed. The weights are made again from
// the log-sum-exp, so nothing S-long is kept from the forward pass. Runs on several threads over segments and
// heads, never inside one of them. Throws Error when a shape does not fit.
struct AttendGradients {
    View query, key, value, slot_bias;
};
void attend_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options, ConstView read,
                     ConstView log_sum_exp, ConstView grad_read, const AttendGradients& out);

namespace naive {
// Straight from the formulas, a whole row of scores at a time: the oracle of the tests.
void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, View read, View log_sum_exp,
            std::span<Real> weights);
}  // namespace naive

}  // namespace kvmem
