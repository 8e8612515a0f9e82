// The one matrix product under all kernels: c = a b or c += a b, with tiles of c in registers.
#pragma once

#include "kernels/prefetch.hpp"
#include "kernels/simd/vector.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::Prefetcher;

// The left operand: a(i, k) = data[i * row + k * step], so that a may lie transposed.
struct Lhs {
    const Real* data;
    Index row, step;
};

enum class Start : bool { zero, add };

// Vectors in a row of a tile of c: AVX-512 has 32 registers, the others 16.
constexpr Index panel_vectors = vector_bytes == 64 ? 4 : 2;
constexpr Index panel = panel_vectors * lanes;

// Rows of a tile with this many vectors in a row: 24 sums with AVX-512, 12 otherwise. Fewer than 8 sums would wait for
// each other, and more than 12 rows gain nothing.
constexpr Index tile_rows(Index vectors) { return min((vector_bytes == 64 ? 24 : 12) / vectors, 12); }

// Steps of the depth between two prefetch points: some 200 cycles.
constexpr Index prefetch_depth = vector_bytes == 64 ? 16 : 32;

// A Prefetcher that does nothing.
struct NoPrefetch {
    static constexpr bool prefetches = false;
    KVMEM_INLINE static void issue() {}
};

// sum += a b for a tile. Unless it is `whole`, only `last` lanes of the last vector of b exist.
template <Index rows, Index vectors, bool whole, class Next>
KVMEM_INLINE void add_products(Vector (&sum)[rows][vectors], Lhs a, const Real* b, Index b_row, Index depth, Index last,
                               Next& next) {
    do {
        next.issue();
        const Index steps = Next::prefetches ? min(depth, prefetch_depth) : depth;
        depth -= steps;
#pragma GCC unroll 2
        for (Index k = 0; k < steps; ++k) {
            Vector columns[vectors];
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v)
                columns[v] = whole || v + 1 < vectors ? load(b + v * lanes) : load_part(b + v * lanes, last);
#pragma GCC unroll 24
            for (Index r = 0; r < rows; ++r) {
                const Vector x = repeat(a.data[r * a.row]);
#pragma GCC unroll 4
                for (Index v = 0; v < vectors; ++v) sum[r][v] += x * columns[v];
            }
            a.data += a.step;
            b += b_row;
        }
    } while (depth > 0);
}

// One tile of c [rows, vectors * lanes].
template <Index rows, Index vectors, bool whole, class Next>
KVMEM_INLINE void tile(Start start, Lhs a, const Real* b, Index b_row, Index depth, Real* c, Index c_row, Index last,
                       Next& next) {
    Vector sum[rows][vectors];
#pragma GCC unroll 24
    for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) {
            const Real* at = c + r * c_row + v * lanes;
            if (start == Start::zero)
                sum[r][v] = Vector{};
            else
                sum[r][v] = whole || v + 1 < vectors ? load(at) : load_part(at, last);
        }
    add_products<rows, vectors, whole>(sum, a, b, b_row, depth, last, next);
#pragma GCC unroll 24
    for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) {
            Real* at = c + r * c_row + v * lanes;
            if (whole || v + 1 < vectors)
                store(at, sum[r][v]);
            else
                store_part(at, sum[r][v], last);
        }
}

// The last m rows, fewer than a whole tile: 8, 4, 2 and 1 at a time.
template <Index rows, Index vectors, bool whole, class Next>
KVMEM_INLINE void last_tiles(Index m, Start start, Lhs a, const Real* b, Index b_row, Index depth, Real* c, Index c_row,
                             Index last, Next& next) {
    if constexpr (rows > 0) {
        if constexpr (rows < tile_rows(vectors))
            if (m >= rows) {
                tile<rows, vectors, whole>(start, a, b, b_row, depth, c, c_row, last, next);
                a.data += rows * a.row;
                c += rows * c_row;
                m -= rows;
            }
        last_tiles<rows / 2, vectors, whole>(m, start, a, b, b_row, depth, c, c_row, last, next);
    }
}

template <Index vectors, bool whole, class Next>
void panel_product(Start start, Index m, Index depth, Lhs a, const Real* b, Index b_row, Real* c, Index c_row,
                   Index last, Next& next) {
    constexpr Index rows = tile_rows(vectors);
    for (; m >= rows; m -= rows, a.data += rows * a.row, c += rows * c_row)
        tile<rows, vectors, whole>(start, a, b, b_row, depth, c, c_row, last, next);
    last_tiles<8, vectors, whole>(m, start, a, b, b_row, depth, c, c_row, last, next);
}

template <Index vectors, class Next>
KVMEM_INLINE void part_product(Start start, Index m, Index columns, Index depth, Lhs a, const Real* b, Index b_row,
                               Real* c, Index c_row, Next& next) {
    if constexpr (vectors > 0) {
        if (columns <= (vectors - 1) * lanes)
            return part_product<vectors - 1>(start, m, columns, depth, a, b, b_row, c, c_row, next);
        const Index last = columns - (vectors - 1) * lanes;
        if (last == lanes)
            panel_product<vectors, true>(start, m, depth, a, b, b_row, c, c_row, last, next);
        else
            panel_product<vectors, false>(start, m, depth, a, b, b_row, c, c_row, last, next);
    }
}

// c [m, n] (rows c_row apart) from a [m, depth] and b [depth, n] (rows b_row apart). Each number of c is summed in the
// order of the depth, wherever it lies, so products are bit-reproducible. Bound by multiply-adds: each step of the
// depth loads 4 vectors and 6 numbers for 24 of them (AVX-512).
template <class Next>
KVMEM_INLINE void product(Start start, Index m, Index n, Index depth, Lhs a, const Real* b, Index b_row, Real* c,
                          Index c_row, Next& next) {
    for (Index j = 0; j < n; j += panel)
        part_product<panel_vectors>(start, m, min(panel, n - j), depth, a, b + j, b_row, c + j, c_row, next);
}

// Columns [column, column + vectors * lanes) of a b, tile by tile. The epilogue takes each tile while it is in
// registers: epilogue.apply<rows, vectors>(sum, row, column). Sums begin at epilogue.start(column).
template <Index rows, Index vectors, class Epilogue>
KVMEM_INLINE void tiles_with_epilogue(Index first, Index m, Index column, Index depth, Lhs a, const Real* b,
                                      Index b_row, Epilogue& epilogue, Prefetcher& next) {
    if constexpr (rows > 0) {
        for (; m - first >= rows; first += rows) {
            Vector sum[rows][vectors];
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v) {
                const Vector start = epilogue.start(column + v * lanes);
#pragma GCC unroll 24
                for (Index r = 0; r < rows; ++r) sum[r][v] = start;
            }
            add_products<rows, vectors, true>(sum, {a.data + first * a.row, a.row, a.step}, b + column, b_row, depth,
                                              lanes, next);
            epilogue.template apply<rows, vectors>(sum, first, column);
        }
        constexpr Index fewer = rows > 8 ? 8 : rows > 4 ? 4 : rows / 2;
        tiles_with_epilogue<fewer, vectors>(first, m, column, depth, a, b, b_row, epilogue, next);
    }
}

// All of a b [m, columns], whose columns are whole vectors, with an epilogue.
template <class Epilogue>
inline void product_with_epilogue(Index m, Index columns, Index depth, Lhs a, const Real* b, Index b_row,
                                  Epilogue& epilogue, Prefetcher& next) {
    const auto from = [&]<Index vectors>(Index& column) {
        for (; columns - column >= vectors * lanes; column += vectors * lanes)
            tiles_with_epilogue<tile_rows(vectors), vectors>(0, m, column, depth, a, b, b_row, epilogue, next);
    };
    Index column = 0;
    if constexpr (panel_vectors == 4) from.template operator()<4>(column);
    from.template operator()<2>(column);
    from.template operator()<1>(column);
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
