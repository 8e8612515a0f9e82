// The backward pass of softmax attention, in the layout of attend.hpp. Weights are recomputed from the log-sum-exp and
// from the scores, which are recomputed, too, unless they were saved.
#pragma once

#include "kernels/simd/attend.hpp"
#include "kernels/simd/loops.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

// A block of queries on its way from scores to gradients. `query` [queries, d] and `grad` [queries, e] are its queries
// and the gradients of its outputs, one after the other, and packed, with a query a column.
struct BackwardBlock {
    Index first_query, queries, columns;
    const Real *query, *query_packed, *grad, *grad_packed;
    const Real *sum_large, *sum_rest;  // of each query; sum_large is +inf for a fully masked one
    bool is_large;                     // a sum is large, so that scores must have the bits that made it
    const Real* delta;                 // grad . output
    const Real* saved;                 // saved scores of all slots, or null
    Real *scores, *grad_scores;
    Real* grad_query;  // before the scale; null if not wanted
};

// Epilogues: scores become weights, and products with the gradients of outputs become gradients of scores.
struct WeightEpilogue {
    const BackwardBlock& b;

    KVMEM_INLINE Vector start(Index column) const { return -load(b.sum_large + column); }
    template <Index rows, Index vectors>
    KVMEM_INLINE void apply(const Vector (&scores)[rows][vectors], Index row, Index column) const {
        Real* to = b.scores + row * b.columns + column;
        const Index step = b.columns;
#pragma GCC unroll 24
        for (Index r = 0; r < rows; ++r, to += step)
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v) store(to + v * lanes, exp2(scores[r][v]));
    }
};
struct GradientEpilogue {
    const BackwardBlock& b;

    KVMEM_INLINE Vector start(Index column) const { return -load(b.delta + column); }
    template <Index rows, Index vectors>
    KVMEM_INLINE void apply(const Vector (&products)[rows][vectors], Index row, Index column) const {
        const Index step = b.columns, at = row * step + column;
        const Real* weights = b.scores + at;
        Real* to = b.grad_scores + at;
#pragma GCC unroll 24
        for (Index r = 0; r < rows; ++r, weights += step, to += step)
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v) store(to + v * lanes, load(weights + v * lanes) * products[r][v]);
    }
};

inline void weights_from(const Real* scores, Index slots, const BackwardBlock& b) {
    for (Index j = 0; j < slots; ++j)
        for (Index c = 0; c < b.columns; c += lanes) {
            const Index at = j * b.columns + c;
            store(b.scores + at, exp2(load(scores + at) - load(b.sum_large + c) - load(b.sum_rest + c)));
        }
}

inline void recompute_weights(const Head& head, const BackwardBlock& b, Index first_slot, Index slots, Lhs key,
                              Prefetcher& prefetcher) {
    if (b.saved) return weights_from(b.saved + first_slot * b.columns, slots, b);
    const Index d = head.key_width;
    const bool plain = !adjusted(head, b.first_query, b.queries, first_slot, slots);
    if (plain && !b.is_large) {
        WeightEpilogue epilogue{b};
        return product_with_epilogue(slots, b.columns, d, key, b.query_packed, b.columns, epilogue, prefetcher);
    }
    product(Start::zero, slots, b.columns, d, key, b.query_packed, b.columns, b.scores, b.columns, prefetcher);
    if (!plain) adjust(head, b.first_query, b.queries, first_slot, slots, b.scores, b.columns);
    weights_from(b.scores, slots, b);
}

inline void add_bias_gradients(const Head& head, const BackwardBlock& b, const HeadGradients& out, Index first_slot,
                               Index slots) {
    for (Index j = 0; j < slots; ++j) {
        const Real* grad = b.grad_scores + j * b.columns;
        if (out.slot_bias) {
            Vector sum = {};
            for (Index c = 0; c < b.columns; c += lanes) sum += load(grad + c);
            out.slot_bias[(first_slot + j) * head.slot_bias_row] += sum_of(sum);
        }
        if (out.pair_bias)
            for (Index q = 0; q < b.queries; ++q)
                out.pair_bias[(b.first_query + q) * head.pair_bias_row + (first_slot + j) * head.pair_bias_step] +=
                    grad[q];
    }
}

// Gradients of a panel's keys and values, rows one after the other; null if not wanted.
struct PanelGradients {
    Real *key, *value;
};

// With P the weights: dV += P' dO, dS = P (dO V' - delta), dK += scale dS' Q, dQ += scale dS K (Dao et al. 2022, B.4).
inline void attend_block_backward(const Head& head, const BackwardBlock& b, const Panel& slots,
                                  const PanelGradients& panel_out, const HeadGradients& out, Prefetcher& prefetcher) {
    const Index d = head.key_width, e = head.value_width;
    const auto [begin, end] = readable(head, slots, b.first_query, b.queries);
    each_block(begin, end, [&](Index j, Index end_j) {
        const Index n = end_j - j, at = j - slots.first;
        recompute_weights(head, b, j, n, {slots.key + at * d, d, 1}, prefetcher);
        GradientEpilogue epilogue{b};
        product_with_epilogue(n, b.columns, e, {slots.value + at * e, e, 1}, b.grad_packed, b.columns, epilogue,
                              prefetcher);
        if (panel_out.value)
            product(Start::add, n, e, b.queries, {b.scores, b.columns, 1}, b.grad, e, panel_out.value + at * e, e,
                    prefetcher);
        if (out.slot_bias || out.pair_bias) add_bias_gradients(head, b, out, j, n);
        if (panel_out.key)
            product(Start::add, n, d, b.queries, {b.grad_scores, b.columns, 1}, b.query, d, panel_out.key + at * d, d,
                    prefetcher);
        if (b.grad_query)
            product(Start::add, b.queries, d, n, {b.grad_scores, 1, b.columns}, slots.key + at * d, d, b.grad_query, d,
                    prefetcher);
    });
}

inline Real dot_of(const Real* a, const Real* b, Index count) {
    Vector sum = {};
    Index i = 0;
    for (; i + lanes <= count; i += lanes) sum += load(a + i) * load(b + i);
    if (i < count) sum += load_part(a + i, count - i) * load_part(b + i, count - i);
    return sum_of(sum);
}

// to[i] += factor * rows[i], where the rows lie one after the other.
inline void add_rows(Real factor, const Real* rows, Index count, Index width, Real* to, Index to_row) {
    for (Index i = 0; i < count; ++i) add_scaled(factor, rows + i * width, to + i * to_row, width);
}

KVMEM_INLINE void clear(Real* x, Index count) {
    Index i = 0;
    for (; i + lanes <= count; i += lanes) store(x + i, Vector{});
    for (; i < count; ++i) x[i] = 0;
}

// Scratch of one panel (detail::backward_scratch).
struct BackwardScratch {
    Scratch rest;
    Index d, e;
    static constexpr Index n = detail::query_block, pairs = detail::slot_block * n;
    Real *query = rest.take(n * d), *query_packed = rest.take(n * d), *grad_query = rest.take(n * d);
    Real *grad = rest.take(n * e), *grad_packed = rest.take(n * e);
    Real *scores = rest.take(pairs), *grad_scores = rest.take(pairs);
    Real *sum_large = rest.take(n), *sum_rest = rest.take(n), *delta = rest.take(n);
};

// Prefetches what the block of queries behind this one begins with.
KVMEM_INLINE void add_queries(Prefetcher& prefetcher, const Head& head, const HeadGradients& out, Index after,
                              Index end) {
    constexpr Index n = detail::query_block;
    const Index d = head.key_width, e = head.value_width;
    prefetcher.add(head.query, head.query_row, d, after, end, n);
    prefetcher.add(out.grad_output, out.output_row, e, after, end, n);
    prefetcher.add(out.output, out.output_row, e, after, end, n);
    prefetcher.add(out.query, out.query_row, d, after, end, n);
    prefetcher.add(out.scores, head.slots, head.slots, after, end, n);
}

// Fills the sums and deltas of a block of queries. Columns beyond its queries get weights of 0. Returns whether a sum
// is large.
KVMEM_INLINE bool fill_sums(const HeadGradients& out, Index q, Index queries, Index columns, Index e,
                            const BackwardScratch& to) {
    const Real* grads = out.grad_output + q * out.output_row;
    bool is_large = false;
    for (Index c = 0; c < columns; ++c) {
        to.sum_large[c] = c < queries ? out.sum_large[q + c] : -minus_infinity;
        to.sum_rest[c] = c < queries ? out.sum_rest[q + c] : 0;
        is_large |= to.sum_rest[c] != 0 || to.sum_large[c] < -detail::large_sum ||
                    (to.sum_large[c] > detail::large_sum && to.sum_large[c] < -minus_infinity);
        to.delta[c] = c < queries ? dot_of(out.output + (q + c) * out.output_row, grads + c * out.output_row, e) : 0;
    }
    return is_large;
}

// All queries of a part on one panel of slots.
inline void attend_panel_backward(const Head& head, const Part& part, const Panel& slots,
                                  const PanelGradients& panel_out, const HeadGradients& out,
                                  const Prefetcher& next_slots, Real* scratch) {
    const Index d = head.key_width, e = head.value_width, n = detail::query_block;
    const BackwardScratch own{{scratch}, d, e};
    const Index blocks = (part.end_query - part.first_query + n - 1) / n;
    for (Index i = 0, q = part.first_query; i < blocks; ++i, q += n) {
        const Index queries = min(n, part.end_query - q), columns = round_up(queries, lanes);
        Prefetcher prefetcher = next_slots.share(i, blocks);
        add_queries(prefetcher, head, out, q + n, part.end_query);
        prefetcher.pace(prefetch_points(queries * (slots.end - slots.first), (out.scores ? 2 : 3) * d + 2 * e));
        if (const auto [begin, end] = readable(head, slots, q, queries); begin >= end) continue;
        const Real* rows = head.query + q * head.query_row;
        const Real* grads = out.grad_output + q * out.output_row;
        if (!out.scores)
            pack_transposed(rows, head.query_row, queries, d, log2_e * head.scale, own.query_packed, columns);
        pack_transposed(grads, out.output_row, queries, e, 1, own.grad_packed, columns);
        const bool is_large = fill_sums(out, q, queries, columns, e, own);
        clear(own.grad_query, queries * d);
        const BackwardBlock block{.first_query = q,
                                  .queries = queries,
                                  .columns = columns,
                                  .query = in_a_row(rows, head.query_row, queries, d, own.query),
                                  .query_packed = own.query_packed,
                                  .grad = in_a_row(grads, out.output_row, queries, e, own.grad),
                                  .grad_packed = own.grad_packed,
                                  .sum_large = own.sum_large,
                                  .sum_rest = own.sum_rest,
                                  .is_large = is_large,
                                  .delta = own.delta,
                                  .saved = out.scores ? out.scores + q * head.slots : nullptr,
                                  .scores = own.scores,
                                  .grad_scores = own.grad_scores,
                                  .grad_query = out.query ? own.grad_query : nullptr};
        attend_block_backward(head, block, slots, panel_out, out, prefetcher);
        if (out.query) add_rows(head.scale, own.grad_query, queries, d, out.query + q * out.query_row, out.query_row);
    }
}

inline void attend_tiles_backward(const Head& head, const Part& part, const HeadGradients& out, const Prefetcher& next,
                                  Real* scratch) {
    const Index d = head.key_width, e = head.value_width, max_slots = detail::slot_panel;
    Scratch rest{scratch};
    Real *keys = rest.take(max_slots * d), *values = rest.take(max_slots * e);
    Real *grad_keys = rest.take(max_slots * d), *grad_values = rest.take(max_slots * e);
    for (Index j = part.first_slot; j < part.end_slot; j += max_slots) {
        const Index n = min(max_slots, part.end_slot - j), last = j + n;
        const Prefetcher next_slots = last < part.end_slot ? next_panel(head, last, part.end_slot) : next;
        const PanelGradients grads{out.key ? grad_keys : nullptr, out.value ? grad_values : nullptr};
        if (out.key) clear(grad_keys, n * d);
        if (out.value) clear(grad_values, n * e);
        attend_panel_backward(head, part, panel_of(head, j, j + n, keys, values), grads, out, next_slots, rest.at);
        if (out.key) add_rows(head.scale, grad_keys, n, d, out.key + j * head.key_row, head.key_row);
        if (out.value) add_rows(1, grad_values, n, e, out.value + j * head.value_row, head.value_row);
    }
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
