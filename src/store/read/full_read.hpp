// Attention over all slots.
#pragma once

#include "store/snapshot.hpp"

namespace kvmem::store {

// The softmax of exact scores, which are computed in double as a search computes them. Weights times values are rounded
// to whole numbers of one unit for each query and column, so that their sums have the same bits in any order. The
// result depends on the slots that are read and on nothing else: not on their places, segments or files.
ReadResult read_all(const Snapshot& snapshot, ConstView queries, const ReadOptions& options);

}  // namespace kvmem::store
