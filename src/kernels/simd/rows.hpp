// One query and the rows of a memory: scores, outputs and outer products.
//
// A memory that exceeds the caches is bound by reading it. Each row is read once, in blocks of slots, and from its
// beginning to its end before the next one, as hardware prefetchers expect: Zen 4 reads a million rows of 64 numbers
// with 28 GB/s, and with 10 where it reads two rows 512 bytes apart in turns. Software prefetching helps with neither.
#pragma once

#include "kernels/simd/attend.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

constexpr Index row_block = 1024;
// A single query stays longer with the keys before it turns to the values, because each turn restarts the prefetcher.
constexpr Index long_block = 4 * row_block;
// The second-level cache does not hold a memory of more bytes.
constexpr Index l2_bytes = Index{1} << 20;

KVMEM_INLINE Index whole_vectors(Index width) { return width / lanes * lanes; }

// The term that is summed over the numbers of a query and a row.
struct ByProduct {
    KVMEM_INLINE static Vector term(Vector x, Vector y) { return x * y; }
};
struct ByDistance {
    KVMEM_INLINE static Vector term(Vector x, Vector y) { return (x - y) * (x - y); }
};

// Compares a query with `lanes` rows at once, each a lane of the result.
template <class By, bool whole, class T>
KVMEM_INLINE Vector compared_lanes(const Real* x, const T* rows, Index row, Index count, Index width) {
    Vector sum[lanes];
#pragma GCC unroll 16
    for (Index i = 0; i < lanes; ++i) sum[i] = Vector{};
    const auto at = [&](Index i) {
        return (whole ? i : min(i, count - 1)) * row;
    };  // the last row stands in for missing ones
    Index k = 0;
    for (; k + lanes <= width; k += lanes) {
        const Vector query = load(x + k);
#pragma GCC unroll 16
        for (Index i = 0; i < lanes; ++i) sum[i] += By::term(query, widen(rows + at(i) + k));
    }
    if (k < width) {
        const Vector query = load_part(x + k, width - k);
#pragma GCC unroll 16
        for (Index i = 0; i < lanes; ++i) sum[i] += By::term(query, widen_part(rows + at(i) + k, width - k));
    }
    return sums_of(sum);
}
// The same for a memory that exceeds the caches, row after row.
template <class By, class T>
KVMEM_INLINE Vector compared_by_rows(const Real* x, const T* rows, Index row, Index width) {
    alignas(64) Real each[lanes * lanes];
    const Index end = whole_vectors(width);
#pragma GCC unroll 1
    for (Index i = 0; i < lanes; ++i, rows += row) {
        Vector sum = {};
#pragma GCC unroll 4
        for (Index k = 0; k < end; k += lanes) sum += By::term(load(x + k), widen(rows + k));
        if (end < width) sum += By::term(load_part(x + end, width - end), widen_part(rows + end, width - end));
        store(each + i * lanes, sum);
    }
    Vector sum[lanes];
#pragma GCC unroll 16
    for (Index i = 0; i < lanes; ++i) sum[i] = load(each + i * lanes);
    return sums_of(sum);
}

template <class By, bool exceeds_l2, class T>
inline void compare(const Real* x, const T* rows, Index row, Index count, Index width, Real factor, Real* out) {
    Index j = 0;
    for (; j + lanes <= count; j += lanes) {
        const T* from = rows + j * row;
        store(out + j, factor * (exceeds_l2 ? compared_by_rows<By>(x, from, row, width)
                                            : compared_lanes<By, true>(x, from, row, lanes, width)));
    }
    if (j < count)
        store_part(out + j, factor * compared_lanes<By, false>(x, rows + j * row, row, count - j, width), count - j);
}
template <class By>
inline void compare(const Real* x, const Real* rows, Index row, Index count, Index width, Real factor, Real* out) {
    const bool exceeds_l2 =
        count * row * static_cast<Index>(sizeof(Real)) > l2_bytes / 4;  // a step works on more than these rows
    (exceeds_l2 ? compare<By, true, Real> : compare<By, false, Real>)(x, rows, row, count, width, factor, out);
}
inline void dots(const Real* x, const Real* rows, Index row, Index count, Index width, Real factor, Real* out) {
    compare<ByProduct>(x, rows, row, count, width, factor, out);
}
inline void distances(const Real* x, const Real* rows, Index row, Index count, Index width, Real factor, Real* out) {
    compare<ByDistance>(x, rows, row, count, width, factor, out);
}

inline void distances_backward(const detail::DistancesBackward& p) {
    for (Index j = 0; j < p.count; ++j)
        for (Index k = 0; k < p.width; k += lanes) {
            const Index n = p.width - k;
            const Vector slope = (2 * p.grad[j]) * (load_up_to(p.x + k, n) - load_up_to(p.rows + j * p.row + k, n));
            if (p.grad_x) store_up_to(p.grad_x + k, load_up_to(p.grad_x + k, n) + slope, n);
            Real* to = p.grad_rows ? p.grad_rows + j * p.row + k : nullptr;
            if (to) store_up_to(to, load_up_to(to, n) - slope, n);
        }
}

// out[0 .. vectors * lanes) += the sum of weighted rows; 8 sums hide the latency of an addition.
template <Index vectors, bool whole, class T>
KVMEM_INLINE void add_weighted_panel(const Real* weights, const T* rows, Index row, Index count, Real* out,
                                     Index last) {
    constexpr Index unrolled = 8 / vectors;
    const auto value = [&](Index j, Index v) {
        const T* at = rows + j * row + v * lanes;
        return whole || v + 1 < vectors ? widen(at) : widen_part(at, last);
    };
    Vector sum[unrolled][vectors] = {};
    Index j = 0;
    for (; j + unrolled <= count; j += unrolled)
#pragma GCC unroll 8
        for (Index u = 0; u < unrolled; ++u)
#pragma GCC unroll 8
            for (Index v = 0; v < vectors; ++v) sum[u][v] += weights[j + u] * value(j + u, v);
    for (; j < count; ++j)
#pragma GCC unroll 8
        for (Index v = 0; v < vectors; ++v) sum[0][v] += weights[j] * value(j, v);
#pragma GCC unroll 8
    for (Index v = 0; v < vectors; ++v) {
#pragma GCC unroll 8
        for (Index u = 1; u < unrolled; ++u) sum[0][v] += sum[u][v];
        Real* at = out + v * lanes;
        if (whole || v + 1 < vectors)
            store(at, load(at) + sum[0][v]);
        else
            store_part(at, load_part(at, last) + sum[0][v], last);
    }
}

// The same row after row. The sum is added to `out` as a whole: fewer roundings.
template <class T>
inline void add_weighted_by_rows(const Real* weights, const T* rows, Index row, Index count, Index width, Real* out) {
    constexpr Index max_columns = 1024;
    alignas(64) Real sum[max_columns];
    for (Index first = 0; first < width; first += max_columns) {
        const Index columns = min(max_columns, width - first), end = whole_vectors(columns), last = columns - end;
        for (Index k = 0; k < columns; ++k) sum[k] = 0;
        const T* from = rows + first;
        for (Index j = 0; j < count; ++j, from += row) {
            for (Index k = 0; k < end; k += lanes) store(sum + k, load(sum + k) + weights[j] * widen(from + k));
            if (last > 0)
                store_part(sum + end, load_part(sum + end, last) + weights[j] * widen_part(from + end, last), last);
        }
        for (Index k = 0; k < columns; ++k) out[first + k] += sum[k];
    }
}
template <bool exceeds_l2, class T>
inline void add_weighted_of(const Real* weights, const T* rows, Index row, Index count, Index width, Real* out) {
    if (count == 0) return;
    const bool in_one = width == 8 * lanes || width == 4 * lanes || width == 2 * lanes || width <= lanes;
    if (exceeds_l2 && !in_one) return add_weighted_by_rows(weights, rows, row, count, width, out);
    Index k = 0;
    const auto panels = [&]<Index vectors>() {
        for (; k + vectors * lanes <= width; k += vectors * lanes)
            add_weighted_panel<vectors, true>(weights, rows + k, row, count, out + k, lanes);
    };
    panels.template operator()<8>();
    panels.template operator()<4>();
    panels.template operator()<2>();
    panels.template operator()<1>();
    if (k < width) add_weighted_panel<1, false>(weights, rows + k, row, count, out + k, width - k);
}
inline void add_weighted(const Real* weights, const Real* rows, Index row, Index count, Index width, Real* out) {
    add_weighted_of<false>(weights, rows, row, count, width, out);
}

// rows[j] += weights[j] x for `vectors` vectors of columns, row after row.
template <Index vectors, bool whole>
KVMEM_INLINE void add_outer_panel(const Real* weights, const Real* x, Real* rows, Index row, Index count, Index last) {
    Vector add[vectors];
#pragma GCC unroll 8
    for (Index v = 0; v < vectors; ++v) add[v] = whole ? load(x + v * lanes) : load_part(x + v * lanes, last);
    for (Index j = 0; j < count; ++j, rows += row)
#pragma GCC unroll 8
        for (Index v = 0; v < vectors; ++v) {
            Real* at = rows + v * lanes;
            if (whole)
                store(at, load(at) + weights[j] * add[v]);
            else
                store_part(at, load_part(at, last) + weights[j] * add[v], last);
        }
}
inline void add_outer(const Real* weights, const Real* x, Real* rows, Index row, Index count, Index width) {
    Index k = 0;
    const auto panels = [&]<Index vectors>() {
        for (; k + vectors * lanes <= width; k += vectors * lanes)
            add_outer_panel<vectors, true>(weights, x + k, rows + k, row, count, lanes);
    };
    panels.template operator()<8>();
    panels.template operator()<2>();
    panels.template operator()<1>();
    if (k < width) add_outer_panel<1, false>(weights, x + k, rows + k, row, count, width - k);
}

// out[j] = factor * direction . tanh(x + rows[j]) (Bahdanau et al. 2015). Bound by tanh.
inline void additive_scores(const Real* x, const Real* rows, Index row, Index count, Index width, const Real* direction,
                            Real factor, Real* out) {
    for (Index j = 0; j < count; ++j, rows += row) {
        Vector sum = {};
        for (Index k = 0; k < width; k += lanes) {
            const Index n = width - k;
            sum += load_up_to(direction + k, n) * tanh(load_up_to(x + k, n) + load_up_to(rows + k, n));
        }
        out[j] = factor * sum_of(sum);
    }
}

inline void additive_scores_backward(const detail::AdditiveBackward& p) {
    for (Index j = 0; j < p.count; ++j)
        for (Index k = 0; k < p.width; k += lanes) {
            const Index n = p.width - k;
            const Vector t = tanh(load_up_to(p.x + k, n) + load_up_to(p.rows + j * p.row + k, n));
            const Vector inside = p.grad[j] * load_up_to(p.direction + k, n) * (Real(1) - t * t);
            const auto add = [&](Real* to, Vector v) {
                if (to) store_up_to(to + k, load_up_to(to + k, n) + v, n);
            };
            add(p.grad_x, inside);
            add(p.grad_rows ? p.grad_rows + j * p.row : nullptr, inside);
            add(p.grad_direction, p.grad[j] * t);
        }
}

// The largest number, or -inf of none. NaN are ignored.
inline Real largest_of(const Real* x, Index count) {
    Vector top = repeat(minus_infinity);
    Index i = 0;
    for (; i + lanes <= count; i += lanes) top = larger(load(x + i), top);
    Real largest = minus_infinity;
    for (; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
    for (Index l = 0; l < lanes; ++l) largest = top[l] > largest ? top[l] : largest;
    return largest;
}

// Replaces x by exp2(factor * (x - top)) and returns the sum.
inline Real powers(Real* x, Index count, Real factor, Real top) {
    Vector sum = {};
    Index i = 0;
    for (; i + lanes <= count; i += lanes) {
        const Vector p = exp2(factor * (load(x + i) - top));
        store(x + i, p);
        sum += p;
    }
    if (i < count) {
        const Vector p = exp2(factor * (load_part(x + i, count - i) - top));
        store_part(x + i, p, count - i);
        // The lanes beyond hold the power of -top, which must not be added.
        Real rest[lanes] = {};
        store_part(rest, p, count - i);
        sum += load(rest);
    }
    return sum_of(sum);
}

inline detail::SoftmaxSum softmax_row(Real* scores, Index count) {
    const Real top = largest_of(scores, count);
    double sum = 0;  // long rows are summed in parts, because a large sum would lose what is added to it
    for (Index i = 0; i < count; i += long_block)
        sum += static_cast<double>(
            powers(scores + i, min(long_block, count - i), log2_e, top == minus_infinity ? 0 : top));
    const auto total = static_cast<Real>(sum);
    if (total == 0) return {minus_infinity, 0};
    multiply(1 / total, scores, count);
    return {top, total};
}

// An online softmax: adds at most long_block slots to the output of query q, which is relative to the largest score.
template <bool exceeds_l2, class T>
inline void attend_row(const Head& head, Index q, Index first_slot, Index end_slot, const T* keys, const T* values,
                       Real* output, Real& largest, Real& total) {
    alignas(64) Real scores[long_block];
    const Real* query = head.query + q * head.query_row;
    const Index slots = end_slot - first_slot;
    if (slots <= 0) return;
    const T* key = keys + first_slot * head.key_row;
    if (head.by_distance)
        compare<ByDistance, exceeds_l2>(query, key, head.key_row, slots, head.key_width, -head.scale, scores);
    else
        compare<ByProduct, exceeds_l2>(query, key, head.key_row, slots, head.key_width, head.scale, scores);
    detail::add_biases(head, q, first_slot, slots, scores);
    const Real here = largest_of(scores, slots);
    const Real top = here > largest ? here : largest;
    if (top > largest && total > 0) {
        alignas(64) Real shrink[lanes];
        store(shrink, exp2(repeat(log2_e * (largest - top))));
        total *= shrink[0];
        multiply(shrink[0], output, head.value_width);
    }
    largest = top;
    total += powers(scores, slots, log2_e, top == minus_infinity ? 0 : top);
    // Sums of at most row_block slots are added as a whole: fewer roundings.
    for (Index i = 0; i < slots; i += row_block)
        add_weighted_of<exceeds_l2>(scores + i, values + (first_slot + i) * head.value_row, head.value_row,
                                    min(row_block, slots - i), head.value_width, output);
}

// Divides the output of a query by the total of its weights, and stores the log-sum-exp.
inline void finish_row(const Head& head, Index q, const HeadOutput& out, Real largest, Real total) {
    if (total != 0) multiply(1 / total, out.output + q * out.output_row, head.value_width);
    if (total == 0 || out.total)
        store_sum(out, q, detail::to_power(largest), total);
    else
        out.log_sum_exp[q * out.log_sum_exp_row] = largest + ln_2 * static_cast<Real>(__builtin_log2(total));
}

// At most few_queries queries.
template <class T>
inline void attend_rows(const Head& head, const Part& part, const HeadOutput& out, const T* keys, const T* values) {
    Real largest[detail::few_queries], total[detail::few_queries];
    for (Index q = part.first_query; q < part.end_query; ++q) {
        largest[q - part.first_query] = minus_infinity;
        total[q - part.first_query] = 0;
        Real* output = out.output + q * out.output_row;
        for (Index k = 0; k < head.value_width; ++k) output[k] = 0;
    }
    const Index row_bytes = (head.key_width + head.value_width) * static_cast<Index>(sizeof(T));
    const bool exceeds_l2 = head.slots * row_bytes > l2_bytes && !head.alone;
    const auto attend_row_of = exceeds_l2 ? attend_row<true, T> : attend_row<false, T>;
    const Index block = part.end_query - part.first_query == 1 && !head.alone ? long_block : row_block;
    // All queries use a block of slots before the next one, so that each block is read from memory once.
    for (Index j = part.first_slot; j < part.end_slot; j += block)
        for (Index q = part.first_query; q < part.end_query; ++q) {
            const Index begin = head.first_readable(q), end = min(head.end_readable(q), part.end_slot);
            attend_row_of(head, q, j > begin ? j : begin, min(j + block, end), keys, values,
                          out.output + q * out.output_row, largest[q - part.first_query], total[q - part.first_query]);
        }
    for (Index q = part.first_query; q < part.end_query; ++q)
        finish_row(head, q, out, largest[q - part.first_query], total[q - part.first_query]);
}

inline void attend_rows(const Head& head, const Part& part, const HeadOutput& out) {
    if (head.bf16_key)
        attend_rows(head, part, out, head.bf16_key, head.bf16_value);
    else
        attend_rows(head, part, out, head.key, head.value);
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
