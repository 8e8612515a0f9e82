// Orthonormal bases by Householder QR, in double. Not installed: the only place that needs Eigen's decompositions.
#pragma once

#include "kvmem/core/matrix.hpp"

namespace kvmem::detail {

// An orthonormal basis [rank, d] of the span of the rows of a [n, d], as signed by the diagonal of R: with independent
// rows, basis row i has a positive product with the part of row i that is outside of the rows before it. Rows whose
// part outside of those before them is shorter than `tolerance` times the longest row are left out.
//
// On the calling thread, one reflection after the other: Eigen's blocked QR sums in an order that follows the sizes of
// the machine's caches.
Matrix orthonormal_rows(ConstView a, double tolerance);

}  // namespace kvmem::detail
