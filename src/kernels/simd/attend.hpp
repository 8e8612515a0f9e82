// Softmax reads. Scores lie transposed, a slot a row and a query a lane: so keys and values are used as they lie, and
// the softmax needs no sums across lanes. They are kept times log2(e), for exp2.
#pragma once

#include "kernels/simd/panels.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

// What an online softmax knows of the blocks so far, a lane for each query.
struct Running {
    Real* largest;
    Real* total;
    Real* shrink;  // what earlier sums must be multiplied with
};

// Takes scores [slots, columns] to exp2(score - largest) and brings largest and total up to date, for `vectors`
// vectors of queries. Returns whether anything must shrink.
template <Index vectors>
bool take_block(Real* scores, Index slots, Index columns, const Running& state, Index at) {
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
        // With nothing readable so far every score is -inf, and so stays its power: 0.
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

inline bool take_block(Real* scores, Index slots, Index columns, const Running& state) {
    bool changed = false;
    Index at = 0;
    for (; at + 4 * lanes <= columns; at += 4 * lanes) changed |= take_block<4>(scores, slots, columns, state, at);
    for (; at + 2 * lanes <= columns; at += 2 * lanes) changed |= take_block<2>(scores, slots, columns, state, at);
    for (; at < columns; at += lanes) changed |= take_block<1>(scores, slots, columns, state, at);
    return changed;
}

// Where nothing is masked or biased, scores become weights while they are in registers: relative to the largest score
// of earlier blocks, which only has to be near the largest of all for their powers to be numbers.
constexpr Real near_enough = 20;
template <bool far>
struct TakeNear {
    // Memories that do not fit the caches: keys are asked for a block ahead, values while their scores are made.
    static constexpr bool asks = far;
    const Real *keys_ahead, *values;
    Index key_width, value_width;
    KVMEM_INLINE void ask(Index row, Index rows, Index k) const {
#pragma GCC unroll 24
        for (Index r = 0; r < rows; ++r) {
            __builtin_prefetch(keys_ahead + (row + r) * key_width + k);
            if (k < value_width) __builtin_prefetch(values + (row + r) * value_width + k);
        }
    }

    const Real* reference;
    Real* above;  // the most by which a score is above the reference
    Real* total;  // of this product
    Real* weights;
    Index columns;

    template <Index rows, Index vectors>
    KVMEM_INLINE void take(const Vector (&scores)[rows][vectors], Index row, Index column) {
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) {
            const Index at = column + v * lanes;
            const Vector origin = load(reference + at);
            Vector most = load(above + at), sum = load(total + at);
#pragma GCC unroll 24
            for (Index r = 0; r < rows; ++r) {
                const Vector x = scores[r][v] - origin, weight = exp2(x);
                most = larger(x, most);
                sum += weight;
                store(weights + (row + r) * columns + at, weight);
            }
            store(above + at, most);
            store(total + at, sum);
        }
    }
};

inline bool all_finite(const Real* x, Index count) {
    bool all = true;
    for (Index c = 0; c < count; ++c) all &= x[c] - x[c] == 0;
    return all;
}

// Weights of a block of slots and their totals, or false, with nothing changed but `weights`, when a score is too far
// above what was largest before.
template <bool far>
bool take_near(Index slots, Index columns, const Head& head, const Real* key, const Real* value, const Real* query,
               Real* weights, const Running& state) {
    if (!all_finite(state.largest, columns)) return false;
    const Index d = head.key_width;
    Real above[detail::query_block], total[detail::query_block];
    for (Index c = 0; c < columns; ++c) above[c] = total[c] = 0;
    TakeNear<far> near{key + slots * d, value, d, head.value_width, state.largest, above, total, weights, columns};
    finished_product(slots, columns, d, {key, d, 1}, query, columns, near);
    bool close = true;
    for (Index c = 0; c < columns; ++c) close &= above[c] < near_enough;
    if (close)
        for (Index c = 0; c < columns; ++c) state.total[c] += total[c];
    return close;
}

KVMEM_INLINE void multiply(Real factor, Real* x, Index count) {
    Index i = 0;
    for (; i + lanes <= count; i += lanes) store(x + i, factor * load(x + i));
    if (i < count) store_part(x + i, factor * load_part(x + i, count - i), count - i);
}

// A block of queries on a panel of slots. The read and log-sum-exp of what was read before is where to go on from: as
// if it were one slot of that score and value.
inline void attend_block(const Head& head, Index first_query, Index queries, const Panel& slots, bool resume,
                         const HeadRead& out, Real* scratch) {
    const Index d = head.key_width, e = head.value_width, columns = round_up(queries, lanes);
    const auto [begin, end] = readable(head, slots, first_query, queries);
    if (resume && begin >= end) return;
    Real* query = scratch;  // [d, columns]
    Real* scores = query + d * detail::query_block;
    Real* read = scores + detail::slot_block * detail::query_block;
    Real* largest = read + detail::query_block * e;
    const Running state{largest, largest + detail::query_block, largest + 2 * detail::query_block};
    pack_transposed(head.query + first_query * head.query_row, head.query_row, queries, d, log2_e * head.scale, query,
                    columns);
    const auto log_sum_exp = [&](Index q) -> Real& { return out.log_sum_exp[(first_query + q) * out.log_sum_exp_row]; };
    const auto result = [&](Index q) { return out.read + (first_query + q) * out.read_row; };
    for (Index c = 0; c < columns; ++c) {
        const bool begun = resume && c < queries && log_sum_exp(c) != minus_infinity;
        state.largest[c] = begun ? log2_e * log_sum_exp(c) : minus_infinity;
        state.total[c] = begun ? 1 : 0;
    }
    Start start = resume ? Start::add : Start::zero;
    if (resume)
        for (Index q = 0; q < queries; ++q) copy(result(q), e, read + q * e);
    each_block(begin, end, [&](Index j, Index end_j) {
        const Index n = end_j - j;
        const Left key{slots.key + (j - slots.first) * d, d, 1};
        const Real* value = slots.value + (j - slots.first) * e;
        const bool plain = !adjusted(head, first_query, queries, j, n);
        const auto take = slots.is_far ? take_near<true> : take_near<false>;
        if (!plain || start == Start::zero || !take(n, columns, head, key.data, value, query, scores, state)) {
            product(Start::zero, n, columns, d, key, query, columns, scores, columns);
            if (!plain) adjust(head, first_query, queries, j, n, scores, columns);
            const bool shrinks = take_block(scores, n, columns, state);
            if (shrinks && start == Start::add)
                for (Index q = 0; q < queries; ++q) multiply(state.shrink[q], read + q * e, e);
        }
        product(start, queries, e, n, {scores, 1, columns}, value, e, read, e);
        start = Start::add;
    });
    for (Index q = 0; q < queries; ++q) {
        if (start == Start::zero || state.total[q] == 0) {
            for (Index k = 0; k < e; ++k) result(q)[k] = 0;
            log_sum_exp(q) = minus_infinity;
        } else {
            copy(read + q * e, e, result(q));
            multiply(1 / state.total[q], result(q), e);
            log_sum_exp(q) = ln_2 * (state.largest[q] + static_cast<Real>(__builtin_log2(state.total[q])));
        }
    }
}

// Panel after panel of the slots, so that a panel stays in the second-level cache for all queries.
inline void attend_tiles(const Head& head, const Part& part, const HeadRead& out, Real* scratch) {
    Real* keys = scratch;
    Real* values = keys + detail::slot_panel * head.key_width;
    Real* rest = values + detail::slot_panel * head.value_width;
    constexpr Index large = Index{1} << 19;  // numbers, two caches full
    const Index width = head.key_width + head.value_width;
    const bool in_place = head.key && head.key_row == head.key_width && head.value_row == head.value_width;
    Index j = part.first_slot;
    do {
        Panel slots = panel_of(head, j, least(j + detail::slot_panel, part.end_slot), keys, values);
        for (Index q = part.first_query; q < part.end_query; q += detail::query_block) {
            slots.is_far = in_place && q == part.first_query && (part.end_slot - part.first_slot) * width > large;
            attend_block(head, q, least(detail::query_block, part.end_query - q), slots, j > part.first_slot, out,
                         rest);
        }
        j += detail::slot_panel;
    } while (j < part.end_slot);
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
