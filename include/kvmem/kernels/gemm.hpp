// Matrix products.
#pragma once

#include "kvmem/core/matrix.hpp"

namespace kvmem {

enum class Transpose : bool { no, yes };

// c = alpha * op(a) * op(b) + beta * c. With beta 0, c need not be initialised; it must not overlap a or b. Large
// products run on several threads, each of which keeps up to 608 KiB of float for the next one. Throws Error when
// shapes do not fit. Every number is summed in an order that depends on the shapes alone: not on
// where the matrices lie, nor on what other threads do. Neither is true of Eigen's products of small matrices and
// of Debian's serial OpenBLAS, which may not be called from two threads at once.
void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c);

namespace naive {
void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c);
}

}  // namespace kvmem
