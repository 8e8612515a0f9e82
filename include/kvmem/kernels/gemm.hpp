// Matrix products.
#pragma once

#include "kvmem/core/matrix.hpp"

namespace kvmem {

// Whether op() transposes a matrix.
enum class Transpose : bool { no, yes };

// c = alpha * op(a) * op(b) + beta * c. With beta 0, c need not be initialised; it must not overlap a or b. Throws
// Error when shapes do not fit. Large products run on several threads, each of which keeps up to 608 KiB of float for
// its next product. Products are bit-reproducible: each number is summed in an order that depends on the shapes alone,
// and not on the addresses of the matrices. Eigen's small products and Debian's serial OpenBLAS, called from two
// threads, are not.
void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c);

namespace naive {
// In three loops.
void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c);
}  // namespace naive

}  // namespace kvmem
