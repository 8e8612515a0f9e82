// What is under gemm(): products of matrices that may be columns of larger ones, and sums. Not installed.
#pragma once

#include "kernels/simd/table.hpp"
#include "kvmem/core/arena.hpp"

namespace kvmem::detail {

// c = alpha a b, or c += alpha a b, on several threads, for a depth of at least 1; strides as in Simd::gemm.
void multiply(const Product& p, Real alpha, Index b_step, bool add);

// to += the sum of the rows, in an order that depends on their number alone.
void add_rows(ConstView rows, View to, Arena& scratch);

}  // namespace kvmem::detail
