// Attention over all slots by products of matrices.
#pragma once

#include "store/snapshot.hpp"

namespace kvmem::store {

// attend() over one segment after the other, merged by their log-sum-exp: the fastest read of many queries. Its last
// digits depend on how slots lie in segments. Euclidean keys and queries must lie near the origin (distance_read.hpp).
ReadResult read_by_products(const Snapshot& snapshot, ConstView queries, const ReadOptions& options);

}  // namespace kvmem::store
