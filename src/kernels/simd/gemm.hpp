// Large products as in Goto and van de Geijn 2008, with one of the matrices packed: blocks of b in the order in which the
// tiles read them. Bound by multiply-adds for large matrices, by packing for those with few rows.
#pragma once

#include "kernels/simd/attend.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::Product;

// A panel's width of columns after the other, each row by row, times alpha; what is missing to a whole vector is zero.
inline void pack_b(const Product& p, Real alpha, Index b_step, Index first_row, Index rows, Index first_col, Index cols,
                   Real* out) {
    for (Index j = 0; j < cols; j += panel, out += panel * rows) {
        const Index width = least(panel, cols - j);
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

inline void gemm(const Product& p, Real alpha, Index b_step, Real* packed) {
    for (Index j = 0; j < p.cols; j += detail::gemm_cols)
        for (Index k = 0; k < p.depth; k += detail::gemm_depth) {
            const Index cols = least(detail::gemm_cols, p.cols - j), deep = least(detail::gemm_depth, p.depth - k);
            pack_b(p, alpha, b_step, k, deep, j, cols, packed);
            for (Index i = 0; i < p.rows; i += detail::gemm_rows)
                for (Index at = 0; at < cols; at += panel)
                    part_product<panel_vectors>(Start::add, least(detail::gemm_rows, p.rows - i),
                                                least(panel, cols - at), deep,
                                                {p.a + i * p.a_row + k * p.a_step, p.a_row, p.a_step},
                                                packed + at * deep, panel, p.c + i * p.c_row + j + at, p.c_row);
        }
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
