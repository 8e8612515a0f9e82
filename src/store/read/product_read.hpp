// Attention over all slots by products of matrices.
#pragma once

#include "store/snapshot.hpp"

namespace kvmem::store {

// Whether scores may be products in float. -|q - k|^2 is then 2 q . k - |q|^2 - |k|^2, whose rounding grows with the
// squares: keys and queries must lie near the origin. Scores divided by the temperature are right to about 2^-12.
bool has_products(const Snapshot& snapshot, ConstView queries, const ReadOptions& options);

// attend() over one segment after the other, merged by their log-sum-exp: the fastest read of many queries. Its last
// digits depend on how slots lie in segments.
ReadResult read_by_products(const Snapshot& snapshot, ConstView queries, const ReadOptions& options);

}  // namespace kvmem::store
