// Matrix products.
#pragma once

#include "kvmem/core/matrix.hpp"

namespace kvmem {

enum class Transpose : bool { no, yes };

// c = alpha * op(a) * op(b) + beta * c, on the calling thread alone. With beta 0, c need not be initialised.
// Throws Error when shapes do not fit. By OpenBLAS when kvmem was built with it, otherwise by Eigen. Bound by
// multiply-adds.
void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c);

namespace naive {
void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c);
}

}  // namespace kvmem
