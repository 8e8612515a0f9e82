// Products as in Goto and van de Geijn 2008: blocks of both matrices are packed in the order in which a small
// kernel reads them, which keeps a tile of c in registers. Bound by multiply-adds for large matrices, by packing
// for those with few rows.
#include "kvmem/kernels/gemm.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cstring>

namespace kvmem {

namespace {

#if defined(__AVX512F__)
constexpr Index vector_bytes = 64;
#elif defined(__AVX__)
constexpr Index vector_bytes = 32;
#else
constexpr Index vector_bytes = 16;
#endif
using Vector [[gnu::vector_size(vector_bytes)]] = Real;
constexpr Index lanes = vector_bytes / static_cast<Index>(sizeof(Real));

// A tile of c: 6 rows of 2 vectors are 12 sums, which with 2 vectors of b and 1 of a fill 16 registers.
constexpr Index tile_rows = 6;
constexpr Index tile_vectors = 2;
constexpr Index tile_cols = tile_vectors * lanes;

// Blocks: b's [depth, cols] stays in the second-level cache while a's [rows, depth] pass by.
constexpr Index block_depth = 256;
constexpr Index block_rows = 16 * tile_rows;
constexpr Index block_cols = 256;
static_assert(block_cols % tile_cols == 0);

// op(x) seen by row and column, wherever its numbers lie.
struct Operand {
    const Real* data;
    Index row_step, col_step;

    Operand(ConstView x, Transpose transpose)
        : data(x.data),
          row_step(transpose == Transpose::yes ? 1 : x.cols),
          col_step(transpose == Transpose::yes ? x.cols : 1) {}
    Real at(Index row, Index col) const { return data[row * row_step + col * col_step]; }
};

// A tile's width of columns after the other, each row by row; what is missing to a whole tile is zero.
void pack_b(const Operand& b, Index first_row, Index rows, Index first_col, Index cols, Real* out) {
    for (Index tile = 0; tile < cols; tile += tile_cols) {
        const Index width = std::min(tile_cols, cols - tile);
        for (Index k = 0; k < rows; ++k, out += tile_cols) {
            for (Index j = 0; j < width; ++j) out[j] = b.at(first_row + k, first_col + tile + j);
            std::fill(out + width, out + tile_cols, Real{0});
        }
    }
}

// A tile's height of rows after the other, each column by column.
void pack_a(const Operand& a, Real alpha, Index first_row, Index rows, Index first_col, Index cols, Real* out) {
    for (Index tile = 0; tile < rows; tile += tile_rows) {
        const Index height = std::min(tile_rows, rows - tile);
        for (Index k = 0; k < cols; ++k, out += tile_rows) {
            for (Index i = 0; i < height; ++i) out[i] = alpha * a.at(first_row + tile + i, first_col + k);
            std::fill(out + height, out + tile_rows, Real{0});
        }
    }
}

// The tile of c that begins at row i, column j: c += a's tile times b's.
void add_tile(const Real* a, const Real* b, Index depth, View c, Index i, Index j) {
    Vector sum[tile_rows][tile_vectors] = {};
    for (Index k = 0; k < depth; ++k, a += tile_rows, b += tile_cols) {
        Vector columns[tile_vectors];
        std::memcpy(columns, b, sizeof columns);
#pragma GCC unroll 6
        for (Index r = 0; r < tile_rows; ++r)
#pragma GCC unroll 2
            for (Index v = 0; v < tile_vectors; ++v) sum[r][v] += a[r] * columns[v];
    }
    const Index height = std::min(tile_rows, c.rows - i), width = std::min(tile_cols, c.cols - j);
    for (Index r = 0; r < height; ++r) {
        Real row[tile_cols];
        std::memcpy(row, sum[r], sizeof row);
        for (Index k = 0; k < width; ++k) c(i + r, j + k) += row[k];
    }
}

void scale_by(Real beta, View c) {
    if (beta == 0)
        std::fill_n(c.data, c.size(), Real{0});  // whatever was there, NaN too
    else if (beta != 1)
        for (Real& x : c.span()) x *= beta;
}

}  // namespace

void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c) {
    const Index depth = transpose_a == Transpose::yes ? a.rows : a.cols;
    require_shape(depth == (transpose_b == Transpose::yes ? b.cols : b.rows) &&
                      c.rows == (transpose_a == Transpose::yes ? a.cols : a.rows) &&
                      c.cols == (transpose_b == Transpose::yes ? b.rows : b.cols),
                  "gemm", "c [rows of op(a), columns of op(b)] and equal inner sizes");
    const Operand left(a, transpose_a), right(b, transpose_b);
    alignas(64) Real packed_a[block_rows * block_depth];
    alignas(64) Real packed_b[block_depth * block_cols];
    scale_by(beta, c);
    for (Index j = 0; j < c.cols; j += block_cols)
        for (Index k = 0; k < depth; k += block_depth) {
            const Index cols = std::min(block_cols, c.cols - j), deep = std::min(block_depth, depth - k);
            pack_b(right, k, deep, j, cols, packed_b);
            for (Index i = 0; i < c.rows; i += block_rows) {
                const Index rows = std::min(block_rows, c.rows - i);
                pack_a(left, alpha, i, rows, k, deep, packed_a);
                for (Index tile_j = 0; tile_j < cols; tile_j += tile_cols)
                    for (Index tile_i = 0; tile_i < rows; tile_i += tile_rows)
                        add_tile(packed_a + tile_i * deep, packed_b + tile_j * deep, deep, c, i + tile_i, j + tile_j);
            }
        }
}

void naive::gemm(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    const Index inner = ta == Transpose::yes ? a.rows : a.cols;
    for (Index i = 0; i < c.rows; ++i)
        for (Index j = 0; j < c.cols; ++j) {
            double sum = 0;
            for (Index k = 0; k < inner; ++k)
                sum +=
                    double{ta == Transpose::yes ? a(k, i) : a(i, k)} * double{tb == Transpose::yes ? b(j, k) : b(k, j)};
            const double before = beta == 0 ? 0 : double{beta} * double{c(i, j)};
            c(i, j) = static_cast<Real>(double{alpha} * sum + before);
        }
}

}  // namespace kvmem
