// The product under gemm(), of matrices that may be columns of larger ones. Not installed.
#pragma once

#include "kernels/simd/table.hpp"

namespace kvmem::detail {

// c = alpha a b, or c += alpha a b, on several threads, for a depth of at least 1; strides as in Simd::gemm.
void multiply(const Product& p, Real alpha, Index b_step, bool add);

}  // namespace kvmem::detail
