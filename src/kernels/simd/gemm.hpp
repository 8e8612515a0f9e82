// Large products (Goto and van de Geijn 2008): blocks of b are packed in the order in which the tiles read them. Bound
// by multiply-adds for large matrices, and by packing for matrices with few rows.
#pragma once

#include "kernels/simd/panels.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::Product;

// Packs a block of b, times alpha, as panels of columns, each row by row. Zeros fill the last vector.
inline void pack_b(const Product& p, Real alpha, Index b_step, Index first_row, Index rows, Index first_col, Index cols,
                   Real* out) {
    for (Index j = 0; j < cols; j += panel, out += panel * rows) {
        const Index width = min(panel, cols - j);
        const Real* from = p.b + first_row * p.b_row + (first_col + j) * b_step;
        if (b_step == 1) {
            for (Index k = 0; k < rows; ++k)
                for (Index v = 0; v < width; v += lanes)
                    store(out + k * panel + v, alpha * load_up_to(from + k * p.b_row + v, width - v));
        } else {
            pack_transposed(from, b_step, width, rows, alpha, out, panel);
        }
    }
}

// A block of a. Contiguous rows are read in place. A transposed matrix is copied: the numbers of its rows are far from
// each other and would fall into few sets of the caches.
inline Lhs block_of(const Product& p, Index first_row, Index rows, Index first_col, Index cols, Real* out) {
    const Real* from = p.a + first_row * p.a_row + first_col * p.a_step;
    if (p.a_step == 1) return {from, p.a_row, 1};
    for (Index k = 0; k < cols; ++k) copy(from + k * p.a_step, rows, out + k * rows);
    return {out, 1, rows};
}

inline void gemm(const Product& p, Real alpha, Index b_step, bool add, Real* packed_b) {
    NoPrefetch none;
    Real* packed_a = packed_b + detail::gemm_cols * detail::gemm_depth;
    for (Index j = 0; j < p.cols; j += detail::gemm_cols)
        for (Index k = 0; k < p.depth; k += detail::gemm_depth) {
            const Index cols = min(detail::gemm_cols, p.cols - j), deep = min(detail::gemm_depth, p.depth - k);
            pack_b(p, alpha, b_step, k, deep, j, cols, packed_b);
            for (Index i = 0; i < p.rows; i += detail::gemm_rows) {
                const Index rows = min(detail::gemm_rows, p.rows - i);
                const Lhs a = block_of(p, i, rows, k, deep, packed_a);
                for (Index at = 0; at < cols; at += panel)
                    part_product<panel_vectors>(add || k > 0 ? Start::add : Start::zero, rows, min(panel, cols - at),
                                                deep, a, packed_b + at * deep, panel, p.c + i * p.c_row + j + at,
                                                p.c_row, none);
            }
        }
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
