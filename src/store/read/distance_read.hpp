// Attention over all slots by Euclidean distance, exact wherever keys and queries lie.
#pragma once

#include "store/snapshot.hpp"

namespace kvmem::store {

// Whether -|q - k|^2 may be computed as 2 q . k - |q|^2 - |k|^2 in float. Its rounding grows with the squares, so keys
// and queries must lie near the origin: scores divided by the temperature are then right to about 2^-12.
bool is_near_origin(const Snapshot& snapshot, ConstView queries, Real temperature);

// Computes each distance by itself, in double, as a search does. It costs as much as a search for one query, and many
// times a product of matrices for many queries.
ReadResult read_by_distance(const Snapshot& snapshot, ConstView queries, const ReadOptions& options);

}  // namespace kvmem::store
