// Softmax attention in tiles. Scores lie transposed, a slot a row and a query a lane, so that keys and values are used
// as they lie and the softmax needs no sums across lanes. Scores are times log2(e), for exp2.
#pragma once

#include "kernels/simd/panels.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

// The state of an online softmax (Milakov and Gimelshein 2018) after some blocks, a lane for each query.
struct Running {
    Real* largest;
    Real* total;
    Real* shrink;  // the factor of earlier sums
};

// Replaces scores [slots, columns] by exp2(score - largest) and updates the state, for `vectors` vectors of queries.
// Returns whether earlier sums must shrink.
template <Index vectors>
bool online_softmax_block(Real* scores, Index slots, Index columns, const Running& state, Index at) {
    Vector top[vectors], sum[vectors], before[vectors];
#pragma GCC unroll 4
    for (Index v = 0; v < vectors; ++v) {
        top[v] = before[v] = load(state.largest + at + v * lanes);
        sum[v] = Vector{};
    }
    for (Index j = 0; j < slots; ++j)
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) top[v] = larger(load(scores + j * columns + at + v * lanes), top[v]);
    bool changed = false;
#pragma GCC unroll 4
    for (Index v = 0; v < vectors; ++v) {
        store(state.largest + at + v * lanes, top[v]);
        changed |= !equal(top[v], before[v]);
        // Where all slots so far are masked, every score is -inf and its power must be 0, not NaN.
        top[v] = top[v] == minus_infinity ? Vector{} : top[v];
    }
    for (Index j = 0; j < slots; ++j)
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) {
            Real* p = scores + j * columns + at + v * lanes;
            const Vector weight = exp2(load(p) - top[v]);
            sum[v] += weight;
            store(p, weight);
        }
#pragma GCC unroll 4
    for (Index v = 0; v < vectors; ++v) {
        const Vector shrink = exp2(before[v] - top[v]);
        store(state.shrink + at + v * lanes, shrink);
        store(state.total + at + v * lanes, load(state.total + at + v * lanes) * shrink + sum[v]);
    }
    return changed;
}

inline bool online_softmax_block(Real* scores, Index slots, Index columns, const Running& state) {
    bool changed = false;
    Index at = 0;
    for (; at + 4 * lanes <= columns; at += 4 * lanes)
        changed |= online_softmax_block<4>(scores, slots, columns, state, at);
    for (; at + 2 * lanes <= columns; at += 2 * lanes)
        changed |= online_softmax_block<2>(scores, slots, columns, state, at);
    for (; at < columns; at += lanes) changed |= online_softmax_block<1>(scores, slots, columns, state, at);
    return changed;
}

// An epilogue for scores that are neither masked nor biased: they become weights while they are in registers, relative
// to the score of an earlier slot. That score needs to be near the largest only as far as powers must be finite.
struct FusedExp {
    const Real* reference;
    Real* total;  // of this block of slots
    Real* weights;
    Real* saved;  // where scores are saved, or null
    Index columns;

    KVMEM_INLINE Vector start(Index) const { return Vector{}; }
    template <Index rows, Index vectors>
    KVMEM_INLINE void apply(const Vector (&scores)[rows][vectors], Index row, Index column) const {
        const Index step = columns;
        if (saved) {
            Real* to = saved + row * columns + column;
#pragma GCC unroll 24
            for (Index r = 0; r < rows; ++r, to += step)
#pragma GCC unroll 4
                for (Index v = 0; v < vectors; ++v) stream(to + v * lanes, scores[r][v]);
        }
        Vector sum[vectors];
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) sum[v] = load(total + column + v * lanes);
        Real* to = weights + row * columns + column;
#pragma GCC unroll 24
        for (Index r = 0; r < rows; ++r, to += step)
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v) {
                const Vector weight = exp2(scores[r][v] - load(reference + column + v * lanes));
                sum[v] += weight;
                store(to + v * lanes, weight);
            }
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) store(total + column + v * lanes, sum[v]);
    }
};

inline bool all_finite(const Real* x, Index count) {
    bool all = true;
    for (Index c = 0; c < count; ++c) all &= x[c] - x[c] == 0;
    return all;
}

// Makes the weights of a block of slots and adds to state.total. Returns false where a score is too far above the
// reference; only `weights` and `saved` have changed then.
inline bool exp_against_reference(Index slots, Index columns, Index width, const Real* key, const Real* query,
                                  Real* weights, Real* saved, const Running& state, Prefetcher& prefetcher) {
    constexpr Real max_total = 1 << 24;
    if (!all_finite(state.largest, columns)) return false;
    Real total[detail::query_block];
    for (Index c = 0; c < columns; ++c) total[c] = 0;
    FusedExp epilogue{state.largest, total, weights, saved, columns};
    product_with_epilogue(slots, columns, width, {key, width, 1}, query, columns, epilogue, prefetcher);
    bool close = true;
    for (Index c = 0; c < columns; ++c) close &= total[c] < max_total;
    if (close)
        for (Index c = 0; c < columns; ++c) state.total[c] += total[c];
    return close;
}

KVMEM_INLINE void copy_times(Real factor, const Real* from, Index count, Real* to) {
    Index i = 0;
    for (; i + lanes <= count; i += lanes) store(to + i, factor * load(from + i));
    if (i < count) store_part(to + i, factor * load_part(from + i, count - i), count - i);
}
KVMEM_INLINE void multiply(Real factor, Real* x, Index count) { copy_times(factor, x, count, x); }

// y += factor x
inline void add_scaled(Real factor, const Real* x, Real* y, Index count) {
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        store_up_to(y + i, load_up_to(y + i, n) + factor * load_up_to(x + i, n), n);
    }
}

// How often products with this many pairs of a query and a slot prefetch.
KVMEM_INLINE Index prefetch_points(Index pairs, Index width) {
    constexpr Index tile = tile_rows(panel_vectors) * panel;
    return pairs * width / (tile * prefetch_depth);
}

// Prefetches the slots behind a block while the block is multiplied.
inline Prefetcher next_block(const Panel& slots, Index first, Index end, Index d, Index e, Index columns) {
    constexpr Index size = sizeof(Real);
    Prefetcher prefetcher;
    prefetcher.add(slots.key + (first - slots.first) * d, 1, (end - first) * d * size, 0);
    prefetcher.add(slots.value + (first - slots.first) * e, 1, (end - first) * e * size, 0);
    prefetcher.pace(prefetch_points((end - first) * columns, d + e));
    return prefetcher;
}

// Stores the log-sum-exp of a query, from its largest score, to base 2, and the total of the weights relative to it.
inline void store_sum(const HeadOutput& out, Index query, Real largest, Real total) {
    const Index at = query * out.log_sum_exp_row;
    if (out.total) {
        out.log_sum_exp[at] = largest;
        out.total[at] = total;
    } else {
        const bool alone = total == 0 || largest == detail::lowest;
        out.log_sum_exp[at] = alone ? detail::from_power(largest) : ln_2 * (largest + log2(total));
    }
}

// A block of queries of a head, and scratch for it.
struct QueryBlock {
    Index first, count, columns;  // columns: count in whole vectors
    const Real* packed;           // [d, columns]
    Real* weights;                // [slot_block, columns]
    Real* output;                 // [count, e], of this panel
    Real* saved;                  // scores of all slots, or null
};

// Makes the weights of slots [j, j + n) of a panel. `is_new` says that the block of queries has no state yet. Returns
// whether earlier sums must shrink.
KVMEM_INLINE bool make_weights(const Head& head, const QueryBlock& b, const Panel& slots, Index j, Index n, bool is_new,
                               const Running& state, Prefetcher& prefetcher) {
    const Index d = head.key_width;
    const Lhs key{slots.key + (j - slots.first) * d, d, 1};
    const bool plain = !adjusted(head, b.first, b.count, j, n);
    // The first slot's score is the first reference.
    if (plain && is_new)
        product(Start::zero, 1, b.columns, d, key, b.packed, b.columns, state.largest, b.columns, prefetcher);
    Real* saved = b.saved ? b.saved + j * b.columns : nullptr;
    if (plain && exp_against_reference(n, b.columns, d, key.data, b.packed, b.weights, saved, state, prefetcher))
        return false;
    product(Start::zero, n, b.columns, d, key, b.packed, b.columns, b.weights, b.columns, prefetcher);
    if (!plain) adjust(head, b.first, b.count, j, n, b.weights, b.columns);
    for (Index i = 0; saved && i < n * b.columns; i += lanes) stream(saved + i, load(b.weights + i));
    return online_softmax_block(b.weights, n, b.columns, state);
}

// Adds a panel's sums to the output, as a whole: fewer roundings than slot after slot. The last panel divides by the
// total.
KVMEM_INLINE void finish_panel(const QueryBlock& b, Index e, bool first, bool last, bool any, const HeadOutput& out,
                               const Running& state) {
    for (Index q = 0; q < b.count; ++q) {
        Real* to = out.output + (b.first + q) * out.output_row;
        const Real* sums = b.output + q * e;
        if (state.total[q] == 0) {
            for (Index k = 0; k < e; ++k) to[k] = 0;
            store_sum(out, b.first + q, minus_infinity, 0);
            continue;
        }
        if (!first && any) add_scaled(1, sums, to, e);
        if (last) {
            copy_times(1 / state.total[q], first ? sums : to, e, to);
            store_sum(out, b.first + q, state.largest[q], state.total[q]);
        } else if (first) {
            copy(sums, e, to);
        }
    }
}

// A block of queries on a panel of slots. Between the first panel and the last one, out.output holds sums of weighted
// values, relative to what `state` says.
inline void attend_block(const Head& head, Index first_query, Index queries, const Panel& slots, bool first, bool last,
                         const HeadOutput& out, const Running& state, Prefetcher& prefetcher, Real* scratch) {
    const Index d = head.key_width, e = head.value_width, columns = round_up(queries, lanes);
    const auto [begin, end] = readable(head, slots, first_query, queries);
    if (!first && !last && begin >= end) return;
    Scratch rest{scratch};
    Real *packed = rest.take(d * detail::query_block), *weights = rest.take(detail::slot_block * detail::query_block);
    Real* output = rest.at;
    pack_transposed(head.query + first_query * head.query_row, head.query_row, queries, d, log2_e * head.scale, packed,
                    columns);
    if (first)
        for (Index c = 0; c < columns; ++c) state.largest[c] = minus_infinity, state.total[c] = 0;
    const QueryBlock b{first_query,
                       queries,
                       columns,
                       packed,
                       weights,
                       output,
                       out.scores ? out.scores + first_query * head.slots : nullptr};
    Start start = Start::zero;
    each_block(begin, end, [&](Index j, Index end_j) {
        const Index n = end_j - j;
        if (slots.end_ahead > 0) prefetcher = next_block(slots, end_j, min(end_j + n, slots.end_ahead), d, e, columns);
        const bool shrinks = make_weights(head, b, slots, j, n, first && start == Start::zero, state, prefetcher);
        for (Index q = 0; shrinks && q < queries; ++q) {
            if (start == Start::add) multiply(state.shrink[q], output + q * e, e);
            if (!first) multiply(state.shrink[q], out.output + (first_query + q) * out.output_row, e);
        }
        product(start, queries, e, n, {weights, 1, columns}, slots.value + (j - slots.first) * e, e, output, e,
                prefetcher);
        start = Start::add;
    });
    finish_panel(b, e, first, last, start == Start::add, out, state);
}

// Prefetches the slots of the next panel.
inline Prefetcher next_panel(const Head& head, Index first, Index end) {
    Prefetcher prefetcher;
    prefetcher.add(head.key, head.key_row, head.key_width, first, end, detail::slot_panel);
    prefetcher.add(head.value, head.value_row, head.value_width, first, end, detail::slot_panel);
    return prefetcher;
}

// All queries of a part on panel after panel of its slots: a panel stays in the second-level cache for all of them.
inline void attend_tiles(const Head& head, const Part& part, const HeadOutput& out, const Prefetcher& next,
                         Real* scratch) {
    constexpr Index n = detail::query_block, m = detail::slot_panel;
    constexpr Index large = Index{1} << 19;  // numbers: twice a second-level cache
    const Index d = head.key_width, e = head.value_width, last_slot = part.end_slot;
    const Index blocks = (part.end_query - part.first_query + n - 1) / n;
    Scratch rest{scratch};
    Real *keys = rest.take(m * d), *values = rest.take(m * e);
    Real *largest = rest.take(blocks * n), *total = rest.take(blocks * n), *shrink = rest.take(n);
    const bool in_place = head.key && head.key_row == d && head.value_row == e;
    const bool exceeds_l2 = in_place && (last_slot - part.first_slot) * (d + e) > large;
    Index j = part.first_slot;
    do {
        const Index end = min(j + m, last_slot);
        Panel slots = panel_of(head, j, end, keys, values);
        const Prefetcher next_slots = end < last_slot ? next_panel(head, end, last_slot) : next;
        for (Index i = 0, q = part.first_query; i < blocks; ++i, q += n) {
            slots.end_ahead = exceeds_l2 && i == 0 ? last_slot : 0;
            const Index queries = min(n, part.end_query - q);
            Prefetcher prefetcher = next_slots.share(i, blocks);
            prefetcher.add(head.query, head.query_row, d, q + n, part.end_query, n);
            prefetcher.add(out.output, out.output_row, e, q + n, part.end_query, n);
            prefetcher.pace(prefetch_points(queries * (end - j), d + e));
            const Running state{largest + i * n, total + i * n, shrink};
            attend_block(head, q, queries, slots, j == part.first_slot, end == last_slot, out, state, prefetcher,
                         rest.at);
        }
        j = end;
    } while (j < last_slot);
    if (out.scores) finish_streams();
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
