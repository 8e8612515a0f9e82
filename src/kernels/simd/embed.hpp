// Sums of rows of a table over bags, and the way back. Bound by how fast rows come: from the first-level cache for the
// tables of stories, from memory for those of a large vocabulary.
#pragma once

#include "kernels/embed.hpp"
#include "kernels/simd/table.hpp"
#include "kernels/simd/vector.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::ask_for_row;
using detail::bag_factor;

// Rows of a large table are far away: they are asked for so many tokens, or lists of tokens, before they are used.
constexpr Index tokens_ahead = 32, lists_ahead = 4;

// So many whole vectors of a row in registers, and so many fours after them. Fours, because a row's end as a masked
// vector takes half as long again.
template <Index vectors, Index fours>
struct Columns {
    using Four [[gnu::vector_size(4 * sizeof(Real))]] = Real;
    static constexpr Index count = vectors * lanes + fours * 4;
    Vector vector[vectors > 0 ? vectors : 1] = {};
    Four four[fours > 0 ? fours : 1] = {};

    template <class Body>
    KVMEM_INLINE void each(Body body) {
#pragma GCC unroll 8
        for (Index v = 0; v < vectors; ++v) body(vector[v], v * lanes);
#pragma GCC unroll 4
        for (Index f = 0; f < fours; ++f) body(four[f], vectors * lanes + f * 4);
    }
    template <class V>
    KVMEM_INLINE static V read(const V&, const Real* p) {
        V v;
        __builtin_memcpy(&v, p, sizeof v);
        return v;
    }
    KVMEM_INLINE void add(const Columns& other) {
#pragma GCC unroll 8
        for (Index v = 0; v < vectors; ++v) vector[v] += other.vector[v];
#pragma GCC unroll 4
        for (Index f = 0; f < fours; ++f) four[f] += other.four[f];
    }
    KVMEM_INLINE void add(const Real* row) {
        each([&](auto& x, Index k) { x += read(x, row + k); });
    }
    KVMEM_INLINE void add_scaled(Real scale, const Real* row) {
        each([&](auto& x, Index k) { x += scale * read(x, row + k); });
    }
    KVMEM_INLINE void add_product(const Real* row, const Real* factors) {
        each([&](auto& x, Index k) { x += read(x, row + k) * read(x, factors + k); });
    }
    KVMEM_INLINE void multiply(Real factor) {
        each([&](auto& x, Index) { x *= factor; });
    }
    KVMEM_INLINE void store(Real* row) {
        each([&](auto& x, Index k) { __builtin_memcpy(row + k, &x, sizeof x); });
    }
};

// Calls body(first column, Columns) for all columns but the last ones that are no whole four; returns where those
// begin.
template <class Body>
KVMEM_INLINE Index for_columns(Index width, Body body) {
    Index k = 0;
    const auto take = [&](auto columns) {
        body(k, columns);
        k += columns.count;
    };
    while (k + 8 * lanes <= width) take(Columns<8, 0>());
    while (k + 2 * lanes <= width) take(Columns<2, 0>());
    if (k + lanes + 4 <= width && width < k + lanes + 8) take(Columns<1, 1>());
    while (k + lanes <= width) take(Columns<1, 0>());
    while (k + 4 <= width) take(Columns<0, 1>());
    return k;
}

template <bool weighted, class C>
void gather_columns(const detail::Gather& g, Index column, C) {
    const Index tokens = g.offsets[g.end];
    const bool far = g.is_large && column == 0;
    for (Index i = g.first; i < g.end; ++i) {
        C sum;
        const Real* factors = weighted ? g.factors + g.first_factors[i] * g.width + column : nullptr;
        for (Index t = g.offsets[i]; t < g.offsets[i + 1]; ++t) {
            if (far && t + tokens_ahead < tokens) ask_for_row(g.table + g.tokens[t + tokens_ahead] * g.width, g.width);
            const Real* row = g.table + g.tokens[t] * g.width + column;
            if constexpr (weighted) {
                sum.add_product(row, factors);
                factors += g.width;
            } else {
                sum.add(row);
            }
        }
        if (g.scale != BagScale::sum) sum.multiply(bag_factor(g.scale, g.offsets[i + 1] - g.offsets[i]));
        if (g.start) sum.add(g.start + g.start_rows[i] * g.width + column);
        sum.store(g.out + i * g.width + column);
    }
}

// The last columns that are no whole four.
inline void gather_rest(const detail::Gather& g, Index column) {
    for (Index i = g.first; i < g.end; ++i) {
        const Index first = g.offsets[i], end = g.offsets[i + 1];
        const Real* factors = g.factors ? g.factors + g.first_factors[i] * g.width : nullptr;
        for (Index k = column; k < g.width; ++k) {
            Real sum = 0;
            for (Index t = first; t < end; ++t)
                sum += g.table[g.tokens[t] * g.width + k] * (factors ? factors[(t - first) * g.width + k] : Real(1));
            sum *= bag_factor(g.scale, end - first);
            g.out[i * g.width + k] = g.start ? sum + g.start[g.start_rows[i] * g.width + k] : sum;
        }
    }
}

inline void gather_sums(const detail::Gather& g) {
    const Index rest = for_columns(g.width, [&](Index column, auto columns) {
        g.factors ? gather_columns<true>(g, column, columns) : gather_columns<false>(g, column, columns);
    });
    if (rest < g.width) gather_rest(g, rest);
}

// A token at a time: what its row is given is summed in registers and added once. Bag by bag, rows of frequent tokens
// would be written and read again at once, which takes three times as long (12,000 tokens of 40 words).
template <bool scaled, bool weighted, class C>
void scatter_columns(const detail::Scatter& s, Index column, C) {
    const Index all = s.offsets[s.end];
    const bool far = s.x_is_large && column == 0, far_rows = s.rows_are_large && column == 0;
    constexpr Index chains = C::count > 2 * lanes ? 1 : 2;  // an addition waits for the one before it
    const auto add = [&](C & sum, Index t) __attribute__((always_inline)) {
        if (far && t + tokens_ahead < all) ask_for_row(s.x + s.entries[t + tokens_ahead].bag * s.width, s.width);
        const Index bag = s.entries[t].bag;
        const Real* x = s.x + bag * s.width + column;
        if constexpr (weighted)
            sum.add_product(x, s.factors + (s.first_factors[bag] + s.entries[t].place) * s.width + column);
        else if constexpr (scaled)
            sum.add_scaled(s.scales[bag], x);
        else
            sum.add(x);
    };
    for (Index i = s.first; i < s.end; ++i) {
        const Index first = s.offsets[i], end = s.offsets[i + 1], place = s.places[s.tokens[i]];
        if (far_rows && i + lists_ahead < s.end) {
            const Index next = s.places[s.tokens[i + lists_ahead]];
            if (next >= 0) ask_for_row(s.rows + next * s.width, s.width);
        }
        if (place < 0) continue;
        C sum, other;
        for (Index t = first; t < end; t += chains) {
            add(sum, t);
            if (chains == 2 && t + 1 < end) add(other, t + 1);
        }
        Real* row = s.rows + place * s.width + column;
        if (place < s.fresh) sum.add(row);
        if constexpr (chains == 2) sum.add(other);
        sum.store(row);
    }
}

inline void scatter_rest(const detail::Scatter& s, Index column) {
    for (Index i = s.first; i < s.end; ++i) {
        const Index place = s.places[s.tokens[i]];
        if (place < 0) continue;
        for (Index k = column; k < s.width; ++k) {
            Real& to = s.rows[place * s.width + k];
            Real sum = place < s.fresh ? to : 0;
            for (Index t = s.offsets[i]; t < s.offsets[i + 1]; ++t) {
                const Index bag = s.entries[t].bag;
                const Real factor = s.factors  ? s.factors[(s.first_factors[bag] + s.entries[t].place) * s.width + k]
                                    : s.scales ? s.scales[bag]
                                               : Real(1);
                sum += s.x[bag * s.width + k] * factor;
            }
            to = sum;
        }
    }
}

inline void scatter_sums(const detail::Scatter& s) {
    const Index rest = for_columns(s.width, [&](Index column, auto columns) {
        if (s.factors)
            scatter_columns<false, true>(s, column, columns);
        else if (s.scales)
            scatter_columns<true, false>(s, column, columns);
        else
            scatter_columns<false, false>(s, column, columns);
    });
    if (rest < s.width) scatter_rest(s, rest);
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
