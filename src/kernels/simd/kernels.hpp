// The table of the instruction set KVMEM_SIMD. Included by src/kernels/simd/*.cpp, each compiled with the flags of its
// set. Nothing here may come from the standard library: the linker could share its code between sources, and so run
// code of an instruction set that the processor does not have.
#pragma once

#include "kernels/simd/attend_backward.hpp"
#include "kernels/simd/delta_rule.hpp"
#include "kernels/simd/embed.hpp"
#include "kernels/simd/gemm.hpp"
#include "kernels/simd/loops.hpp"
#include "kernels/simd/recurrent.hpp"

namespace kvmem::KVMEM_SIMD {

extern const detail::Simd table;
const detail::Simd table{
    .name = KVMEM_STRINGIFY(KVMEM_SIMD),
    .product =
        [](bool add, const detail::Product& p) {
            NoPrefetch none;
            product(add ? Start::add : Start::zero, p.rows, p.cols, p.depth, {p.a, p.a_row, p.a_step}, p.b, p.b_row,
                    p.c, p.c_row, none);
        },
    .gemm = gemm,
    .attend_tiles = attend_tiles,
    .attend_rows = attend_rows,
    .attend_tiles_backward = attend_tiles_backward,
    .dots = dots,
    .distances = distances,
    .distances_backward = distances_backward,
    .add_weighted = add_weighted,
    .add_outer = add_outer,
    .additive_scores = additive_scores,
    .additive_scores_backward = additive_scores_backward,
    .square_sum = square_sum,
    .add_scaled = add_scaled,
    .gather_sums = gather_sums,
    .scatter_sums = scatter_sums,
    .scatter_outer = scatter_outer,
    .update = update,
    .activate = activate,
    .activate_backward = activate_backward,
    .dropout = dropout,
    .norm_row = norm_row,
    .norm_row_backward = norm_row_backward,
    .softmax_row = softmax_row,
    .recurrent_pack = pack_gates,
    .recurrent_step = recurrent_step,
    .recurrent_step_backward = recurrent_step_backward,
    .delta_step = delta_step,
    .pack_panels = pack_panels,
    .packed_product = packed_product,
    .unmasked_sum = unmasked_sum,
    .subtract_unmasked = subtract_unmasked,
};

}  // namespace kvmem::KVMEM_SIMD
