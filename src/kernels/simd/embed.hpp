// Sums of rows of a table over bags, and the backward pass. Bound by fetching the rows: from the first-level cache for
// the tables of stories, from memory for the tables of a large vocabulary.
#pragma once

#include "kernels/embed/embed.hpp"
#include "kernels/simd/table.hpp"
#include "kernels/simd/vector.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::bag_factor;
using detail::prefetch_row;

// How many tokens, or lists of tokens, before its use a row of a large table is prefetched.
constexpr Index tokens_ahead = 32, lists_ahead = 4;

// Columns of a row in registers: whole vectors, and fours after them. A masked vector instead of fours takes half as
// long again.
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

// Calls body(first column, Columns) for all whole fours of columns, and returns where the rest begins.
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

// Longer bags are summed in halves: a large sum would lose what is added to it.
constexpr Index long_bag = 1024;

// Adds the rows of tokens [first, end) to the sum, each times its row of factors if it is weighted.
template <bool weighted, class C>
KVMEM_INLINE void add_rows_of(const detail::Gather& g, Index column, Index first, Index end, const Real* factors,
                              C& sum) {
    const Index tokens = g.offsets[g.end];
    const bool prefetch = g.table_exceeds_l2 && column == 0;
    for (Index t = first; t < end; ++t) {
        if (prefetch && t + tokens_ahead < tokens)
            prefetch_row(g.table + g.tokens[t + tokens_ahead] * g.width, g.width);
        const Real* row = g.table + g.tokens[t] * g.width + column;
        if constexpr (weighted) {
            sum.add_product(row, factors);
            factors += g.width;
        } else {
            sum.add(row);
        }
    }
}

template <bool weighted, class C>
[[gnu::noinline]] void add_halves(const detail::Gather& g, Index column, Index first, Index end, const Real* factors,
                                  C& sum) {
    if (end - first <= long_bag) return add_rows_of<weighted>(g, column, first, end, factors, sum);
    const Index middle = first + (end - first) / 2;
    C other;
    add_halves<weighted>(g, column, first, middle, factors, sum);
    add_halves<weighted>(g, column, middle, end, weighted ? factors + (middle - first) * g.width : nullptr, other);
    sum.add(other);
}

template <bool weighted, class C>
void gather_columns(const detail::Gather& g, Index column, C) {
    for (Index i = g.first; i < g.end; ++i) {
        C sum;
        const Index first = g.offsets[i], end = g.offsets[i + 1];
        const Real* factors = weighted ? g.factors + g.first_factors[i] * g.width + column : nullptr;
        if (end - first > long_bag)
            add_halves<weighted>(g, column, first, end, factors, sum);
        else
            add_rows_of<weighted>(g, column, first, end, factors, sum);
        if (g.scale != BagScale::sum) sum.multiply(bag_factor(g.scale, end - first));
        if (g.start) sum.add(g.start + g.start_rows[i] * g.width + column);
        sum.store(g.out + i * g.width + column);
    }
}

// One number of a bag's sum.
inline Real sum_column(const detail::Gather& g, Index k, Index first, Index end, const Real* factors) {
    if (end - first > long_bag) {
        const Index middle = first + (end - first) / 2;
        return sum_column(g, k, first, middle, factors) +
               sum_column(g, k, middle, end, factors ? factors + (middle - first) * g.width : nullptr);
    }
    Real sum = 0;
    for (Index t = first; t < end; ++t)
        sum += g.table[g.tokens[t] * g.width + k] * (factors ? factors[(t - first) * g.width + k] : Real(1));
    return sum;
}

// The last columns, fewer than four.
inline void gather_rest(const detail::Gather& g, Index column) {
    for (Index i = g.first; i < g.end; ++i) {
        const Index first = g.offsets[i], end = g.offsets[i + 1];
        const Real* factors = g.factors ? g.factors + g.first_factors[i] * g.width : nullptr;
        for (Index k = column; k < g.width; ++k) {
            const Real sum = sum_column(g, k, first, end, factors) * bag_factor(g.scale, end - first);
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

// Adds gradients to rows, token by token: each row's gradient is summed in registers and added once. Bag by bag, rows
// of frequent tokens would be read again right after they are written, which takes three times as long (12,000 tokens
// of 40 words). add(first, end, sum) adds a token's entries to `chains` sums in turns, as an addition waits for the one
// before.
template <Index chains, class C, class Add>
KVMEM_INLINE void scatter_columns(const detail::ScatterLists& s, Index column, Add add) {
    const bool prefetch = s.rows_exceed_l2 && column == 0;
    for (Index i = s.first; i < s.end; ++i) {
        const Index first = s.offsets[i], end = s.offsets[i + 1], place = s.places[s.tokens[i]];
        if (prefetch && i + lists_ahead < s.end) {
            const Index next = s.places[s.tokens[i + lists_ahead]];
            if (next >= 0) prefetch_row(s.rows + next * s.width, s.width);
        }
        if (place < 0) continue;
        C sum[chains];
        add(first, end, sum);
        Real* row = s.rows + place * s.width + column;
        if (place < s.fresh) sum[0].add(row);
        if constexpr (chains == 2) sum[0].add(sum[1]);
        sum[0].store(row);
    }
}

template <bool scaled, bool weighted, class C>
void scatter_dense(const detail::Scatter& s, Index column, C) {
    constexpr Index chains = C::count > 2 * lanes ? 1 : 2;
    const detail::ScatterLists& lists = s.lists;
    const Index all = lists.offsets[lists.end];
    const bool prefetch = s.x_exceeds_l2 && column == 0;
    const auto add = [&](C & sum, Index t) __attribute__((always_inline)) {
        if (prefetch && t + tokens_ahead < all)
            prefetch_row(s.x + lists.entries[t + tokens_ahead].bag * lists.width, lists.width);
        const Index bag = lists.entries[t].bag;
        const Real* x = s.x + bag * lists.width + column;
        if constexpr (weighted)
            sum.add_product(x, s.factors + (s.first_factors[bag] + lists.entries[t].place) * lists.width + column);
        else if constexpr (scaled)
            sum.add_scaled(s.scales[bag], x);
        else
            sum.add(x);
    };
    scatter_columns<chains, C>(
        lists, column, [&](Index first, Index end, C(&sum)[chains]) __attribute__((always_inline)) {
            for (Index t = first; t < end; t += chains) {
                add(sum[0], t);
                if constexpr (chains == 2)
                    if (t + 1 < end) add(sum[1], t + 1);
            }
        });
}

// Entries of one token are nearly in the order of their bags, so entries of a segment follow each other. Their weights
// are added up first, and vectors are multiplied once for all of them.
template <class C>
void scatter_outer_columns(const detail::OuterScatter& s, Index column, C) {
    using Four = typename Columns<0, 1>::Four;
    static_assert(detail::outer_terms == 4);
    const detail::ScatterLists& lists = s.lists;
    scatter_columns<1, C>(
        lists, column, [&](Index first, Index end, C(&sum)[1]) __attribute__((always_inline)) {
            for (Index t = first; t < end;) {
                const std::int32_t segment = s.segments[lists.entries[t].bag];
                Four weight = {};
                for (; t < end && s.segments[lists.entries[t].bag] == segment; ++t)
                    weight += Columns<0, 1>::read(weight, s.weights + lists.entries[t].bag * detail::outer_terms);
                for (Index k = 0; k < s.terms; ++k)
                    sum[0].add_scaled(weight[k], s.vectors[k] + segment * lists.width + column);
            }
        });
}

// The last columns, fewer than four; given(entry, column) is what a bag adds.
template <class Given>
void scatter_rest(const detail::ScatterLists& s, Index column, Given given) {
    if (column >= s.width) return;
    for (Index i = s.first; i < s.end; ++i) {
        const Index place = s.places[s.tokens[i]];
        if (place < 0) continue;
        for (Index k = column; k < s.width; ++k) {
            Real& to = s.rows[place * s.width + k];
            Real sum = place < s.fresh ? to : 0;
            for (Index t = s.offsets[i]; t < s.offsets[i + 1]; ++t) sum += given(s.entries[t], k);
            to = sum;
        }
    }
}

inline void scatter_sums(const detail::Scatter& s) {
    const Index width = s.lists.width;
    const Index rest = for_columns(width, [&](Index column, auto columns) {
        if (s.factors)
            scatter_dense<false, true>(s, column, columns);
        else if (s.scales)
            scatter_dense<true, false>(s, column, columns);
        else
            scatter_dense<false, false>(s, column, columns);
    });
    scatter_rest(s.lists, rest, [&](const TokenLists::Entry& entry, Index k) {
        const Real factor = s.factors  ? s.factors[(s.first_factors[entry.bag] + entry.place) * width + k]
                            : s.scales ? s.scales[entry.bag]
                                       : Real(1);
        return s.x[entry.bag * width + k] * factor;
    });
}

inline void scatter_outer(const detail::OuterScatter& s) {
    const Index width = s.lists.width;
    const Index rest =
        for_columns(width, [&](Index column, auto columns) { scatter_outer_columns(s, column, columns); });
    scatter_rest(s.lists, rest, [&](const TokenLists::Entry& entry, Index k) {
        Real sum = 0;
        for (Index term = 0; term < s.terms; ++term)
            sum +=
                s.weights[entry.bag * detail::outer_terms + term] * s.vectors[term][s.segments[entry.bag] * width + k];
        return sum;
    });
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
