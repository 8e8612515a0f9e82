// Softmax reads, forward and backward. Scores lie transposed, a slot a row and a query a lane: so keys and values are
// used as they lie, and the softmax needs no sums across lanes. They are kept times log2(e), for exp2.
#pragma once

#include "kernels/simd/product.hpp"
#include "kernels/simd/table.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::Head;
using detail::HeadGradients;
using detail::HeadRead;
using detail::Part;

// out[k * out_row + i] = factor * rows[i][k] for k in [0, width), i in [0, count rounded up to lanes): 0 beyond count.
inline void pack_transposed(const Real* rows, Index row, Index count, Index width, Real factor, Real* out,
                            Index out_row) {
    for (Index i = 0; i < count; i += lanes)
        for (Index k = 0; k < width; k += lanes) {
            const Index height = least(lanes, count - i), wide = least(lanes, width - k);
            Vector square[lanes];
#pragma GCC unroll 16
            for (Index r = 0; r < lanes; ++r)
                square[r] = r < height ? factor * load_up_to(rows + (i + r) * row + k, wide) : Vector{};
            transpose(square);
#pragma GCC unroll 16
            for (Index r = 0; r < lanes; ++r)
                if (r < wide) store(out + (k + r) * out_row + i, square[r]);
        }
}

KVMEM_INLINE void copy(const Real* from, Index count, Real* to) {
    Index i = 0;
    for (; i + lanes <= count; i += lanes) store(to + i, load(from + i));
    if (i < count) store_part(to + i, load_part(from + i, count - i), count - i);
}

KVMEM_INLINE Vector widen(const Bfloat16* p) {
    using Halves [[gnu::vector_size(lanes * 2)]] = std::uint16_t;
    using Words [[gnu::vector_size(lanes * 4)]] = std::uint32_t;
    using Floats [[gnu::vector_size(lanes * 4)]] = float;
    Halves halves;
    __builtin_memcpy(&halves, p, sizeof halves);
    const auto whole = reinterpret_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
    return __builtin_convertvector(whole, Vector);
}
KVMEM_INLINE Vector widen_part(const Bfloat16* p, Index count) {
    Bfloat16 all[lanes] = {};
    for (Index i = 0; i < count; ++i) all[i] = p[i];
    return widen(all);
}
KVMEM_INLINE Vector widen(const Real* p) { return load(p); }
KVMEM_INLINE Vector widen_part(const Real* p, Index count) { return load_part(p, count); }

// Rows one after the other: copied to scratch, unless they lie so already. Rows that are far apart, as those of one
// head among several are, fall into few sets of the caches.
inline const Real* in_a_row(const Real* rows, Index row, Index count, Index width, Real* scratch) {
    if (row == width) return rows;
    for (Index i = 0; i < count; ++i) copy(rows + i * row, width, scratch + i * width);
    return scratch;
}
inline const Real* in_a_row(const Bfloat16* rows, Index row, Index count, Index width, Real* scratch) {
    for (Index i = 0; i < count; ++i) {
        Index k = 0;
        for (; k + lanes <= width; k += lanes) store(scratch + i * width + k, widen(rows + i * row + k));
        if (k < width) store_part(scratch + i * width + k, widen_part(rows + i * row + k, width - k), width - k);
    }
    return scratch;
}

// Slots [first, end) of a head, their keys and values one after the other.
struct Panel {
    Index first, end;
    const Real *key, *value;
    bool is_far = false;  // read where they lie, in a memory too large for the caches
};
inline Panel panel_of(const Head& head, Index first, Index end, Real* keys, Real* values) {
    const Index d = head.key_width, e = head.value_width, n = end - first;
    if (head.narrow_key)
        return {first, end, in_a_row(head.narrow_key + first * head.key_row, head.key_row, n, d, keys),
                in_a_row(head.narrow_value + first * head.value_row, head.value_row, n, e, values)};
    return {first, end, in_a_row(head.key + first * head.key_row, head.key_row, n, d, keys),
            in_a_row(head.value + first * head.value_row, head.value_row, n, e, values)};
}

// The slots of a panel that any of these queries may read.
struct Range {
    Index begin, end;
};
inline Range readable(const Head& head, const Panel& slots, Index first_query, Index queries) {
    const Index begin = head.first_readable(first_query), end = head.end_readable(first_query + queries - 1);
    return {slots.first > begin ? slots.first : begin, least(slots.end, end)};
}

// Calls body(first, end) for blocks of nearly equal size that cover [first, end), whole tiles but for the last one.
template <class Body>
KVMEM_INLINE void each_block(Index first, Index end, Body body) {
    if (first >= end) return;
    const Index blocks = (end - first + detail::slot_block - 1) / detail::slot_block;
    const Index size = round_up((end - first + blocks - 1) / blocks, tile_rows(panel_vectors));
    for (; first < end; first += size) body(first, least(end, first + size));
}

// Whether scores of these queries and slots are anything else than scaled dot products.
inline bool adjusted(const Head& head, Index first_query, Index queries, Index first_slot, Index slots) {
    if (head.slot_bias || head.pair_bias || head.slope != 0) return true;
    return head.banded && (head.first_readable(first_query + queries - 1) > first_slot ||
                           head.end_readable(first_query) < first_slot + slots);
}

// Adds biases to scores [slots, columns] and masks what is out of reach.
inline void adjust(const Head& head, Index first_query, Index queries, Index first_slot, Index slots, Real* scores,
                   Index columns) {
    const Real far = -minus_infinity;
    const Real behind = head.banded ? Real(head.behind) : far, ahead = head.banded ? Real(head.ahead) : far;
    Vector counting;
    for (Index l = 0; l < lanes; ++l) counting[l] = Real(l);
    for (Index j = 0; j < slots; ++j) {
        const Index slot = first_slot + j;
        const Real slot_bias = head.slot_bias ? log2_e * head.slot_bias[slot * head.slot_bias_row] : 0;
        for (Index c = 0; c < columns; c += lanes) {
            Vector score = load(scores + j * columns + c) + slot_bias;
            const Vector distance = counting + Real(head.place(first_query + c) - slot);
            if (head.pair_bias) {
                Vector bias = {};
                for (Index l = 0; l < least(lanes, queries - c); ++l)
                    bias[l] = head.pair_bias[(first_query + c + l) * head.pair_bias_row + slot];
                score += log2_e * bias;
            }
            if (head.slope != 0) score -= (log2_e * head.slope) * (distance < Real(0) ? -distance : distance);
            const Vector none = repeat(minus_infinity);
            score = distance > behind ? none : score;
            score = -distance > ahead ? none : score;
            store(scores + j * columns + c, score);
        }
    }
}

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

// One block of queries and one of slots: from scores to the gradients. `query` and `grad` are a block's queries and
// gradients of its reads, [queries, d] and [queries, e] one after the other, and packed, a query a column.
struct BackwardBlock {
    Index first_query, queries, columns;
    const Real *query, *query_packed, *grad, *grad_packed;
    const Real* log_sum_exp;  // times log2(e); +inf where nothing was read
    const Real* delta;        // grad . read
    Real *scores, *grad_scores;
    Real* grad_query;  // without the scale; null if not wanted
};

// From scores to weights, and from products with the gradients of reads to gradients of scores, while in registers.
struct TakeWeights {
    static constexpr bool asks = false;
    KVMEM_INLINE static void ask(Index, Index, Index) {}
    const BackwardBlock& b;

    KVMEM_INLINE static Vector weight(const BackwardBlock& b, Vector score, Index column) {
        return exp2(score - load(b.log_sum_exp + column));
    }
    template <Index rows, Index vectors>
    KVMEM_INLINE void take(const Vector (&scores)[rows][vectors], Index row, Index column) {
#pragma GCC unroll 24
        for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v) {
                const Index at = column + v * lanes;
                store(b.scores + (row + r) * b.columns + at, weight(b, scores[r][v], at));
            }
    }
};
struct TakeGradients {
    static constexpr bool asks = false;
    KVMEM_INLINE static void ask(Index, Index, Index) {}
    const BackwardBlock& b;

    template <Index rows, Index vectors>
    KVMEM_INLINE void take(const Vector (&products)[rows][vectors], Index row, Index column) {
#pragma GCC unroll 24
        for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v) {
                const Index at = column + v * lanes, place = (row + r) * b.columns + at;
                store(b.grad_scores + place, load(b.scores + place) * (products[r][v] - load(b.delta + at)));
            }
    }
};

inline void make_weights(const Head& head, const BackwardBlock& b, Index first_slot, Index slots, Left key) {
    const Index d = head.key_width;
    if (!adjusted(head, b.first_query, b.queries, first_slot, slots)) {
        TakeWeights take{b};
        return finished_product(slots, b.columns, d, key, b.query_packed, b.columns, take);
    }
    product(Start::zero, slots, b.columns, d, key, b.query_packed, b.columns, b.scores, b.columns);
    adjust(head, b.first_query, b.queries, first_slot, slots, b.scores, b.columns);
    for (Index j = 0; j < slots; ++j)
        for (Index c = 0; c < b.columns; c += lanes) {
            Real* at = b.scores + j * b.columns + c;
            store(at, TakeWeights::weight(b, load(at), c));
        }
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
                out.pair_bias[(b.first_query + q) * head.pair_bias_row + first_slot + j] += grad[q];
    }
}

// Gradients of a panel's keys and values, one after the other; null if not wanted.
struct PanelGradients {
    Real *key, *value;
};

// With P the weights: dV += P' dO, dS = P (dO V' - delta), dK += scale dS' Q, dQ += scale dS K (Dao et al. 2022, B.4).
inline void attend_block_backward(const Head& head, const BackwardBlock& b, const Panel& slots,
                                  const PanelGradients& panel_out, const HeadGradients& out) {
    const Index d = head.key_width, e = head.value_width;
    const auto [begin, end] = readable(head, slots, b.first_query, b.queries);
    each_block(begin, end, [&](Index j, Index end_j) {
        const Index n = end_j - j, at = j - slots.first;
        make_weights(head, b, j, n, {slots.key + at * d, d, 1});
        TakeGradients take{b};
        finished_product(n, b.columns, e, {slots.value + at * e, e, 1}, b.grad_packed, b.columns, take);
        if (panel_out.value)
            product(Start::add, n, e, b.queries, {b.scores, b.columns, 1}, b.grad, e, panel_out.value + at * e, e);
        if (out.slot_bias || out.pair_bias) add_bias_gradients(head, b, out, j, n);
        if (panel_out.key)
            product(Start::add, n, d, b.queries, {b.grad_scores, b.columns, 1}, b.query, d, panel_out.key + at * d, d);
        if (b.grad_query)
            product(Start::add, b.queries, d, n, {b.grad_scores, 1, b.columns}, slots.key + at * d, d, b.grad_query, d);
    });
}

inline Real dot_of(const Real* a, const Real* b, Index count) {
    Vector sum = {};
    Index i = 0;
    for (; i + lanes <= count; i += lanes) sum += load(a + i) * load(b + i);
    if (i < count) sum += load_part(a + i, count - i) * load_part(b + i, count - i);
    return sum_of(sum);
}

// to[i] += factor * rows[i], whose rows are one after the other.
inline void add_rows(Real factor, const Real* rows, Index count, Index width, Real* to, Index to_row) {
    for (Index i = 0; i < count; ++i, rows += width, to += to_row) {
        Index k = 0;
        for (; k + lanes <= width; k += lanes) store(to + k, load(to + k) + factor * load(rows + k));
        if (k < width)
            store_part(to + k, load_part(to + k, width - k) + factor * load_part(rows + k, width - k), width - k);
    }
}

KVMEM_INLINE void clear(Real* x, Index count) {
    Index i = 0;
    for (; i + lanes <= count; i += lanes) store(x + i, Vector{});
    for (; i < count; ++i) x[i] = 0;
}

// One panel of slots, all queries of a part.
inline void attend_panel_backward(const Head& head, const Part& part, const Panel& slots,
                                  const PanelGradients& panel_out, const HeadGradients& out, Real* scratch) {
    const Index d = head.key_width, e = head.value_width, n = detail::query_block;
    Real* query = scratch;
    Real* query_packed = query + n * d;
    Real* grad_query = query_packed + n * d;
    Real* grad = grad_query + n * d;
    Real* grad_packed = grad + n * e;
    Real* scores = grad_packed + n * e;
    Real* grad_scores = scores + detail::slot_block * n;
    Real* log_sum_exp = grad_scores + detail::slot_block * n;
    Real* delta = log_sum_exp + n;
    for (Index q = part.first_query; q < part.end_query; q += n) {
        const Index queries = least(n, part.end_query - q), columns = round_up(queries, lanes);
        if (const auto [begin, end] = readable(head, slots, q, queries); begin >= end) continue;
        const Real* rows = head.query + q * head.query_row;
        const Real* grads = out.grad_read + q * out.read_row;
        pack_transposed(rows, head.query_row, queries, d, log2_e * head.scale, query_packed, columns);
        pack_transposed(grads, out.read_row, queries, e, 1, grad_packed, columns);
        for (Index c = 0; c < columns; ++c) {
            const Real sum = c < queries ? out.log_sum_exp[(q + c) * out.log_sum_exp_row] : minus_infinity;
            log_sum_exp[c] = sum == minus_infinity ? -minus_infinity : log2_e * sum;
            delta[c] = c < queries ? dot_of(out.read + (q + c) * out.read_row, grads + c * out.read_row, e) : 0;
        }
        clear(grad_query, queries * d);
        const BackwardBlock block{q,
                                  queries,
                                  columns,
                                  in_a_row(rows, head.query_row, queries, d, query),
                                  query_packed,
                                  in_a_row(grads, out.read_row, queries, e, grad),
                                  grad_packed,
                                  log_sum_exp,
                                  delta,
                                  scores,
                                  grad_scores,
                                  out.query ? grad_query : nullptr};
        attend_block_backward(head, block, slots, panel_out, out);
        if (out.query) add_rows(head.scale, grad_query, queries, d, out.query + q * out.query_row, out.query_row);
    }
}

inline void attend_tiles_backward(const Head& head, const Part& part, const HeadGradients& out, Real* scratch) {
    const Index d = head.key_width, e = head.value_width, most = detail::slot_panel;
    Real* keys = scratch;
    Real* values = keys + most * d;
    Real* grad_keys = values + most * e;
    Real* grad_values = grad_keys + most * d;
    Real* rest = grad_values + most * e;
    for (Index j = part.first_slot; j < part.end_slot; j += most) {
        const Index n = least(most, part.end_slot - j);
        const PanelGradients grads{out.key ? grad_keys : nullptr, out.value ? grad_values : nullptr};
        if (out.key) clear(grad_keys, n * d);
        if (out.value) clear(grad_values, n * e);
        attend_panel_backward(head, part, panel_of(head, j, j + n, keys, values), grads, out, rest);
        if (out.key) add_rows(head.scale, grad_keys, n, d, out.key + j * head.key_row, head.key_row);
        if (out.value) add_rows(1, grad_values, n, e, out.value + j * head.value_row, head.value_row);
    }
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
