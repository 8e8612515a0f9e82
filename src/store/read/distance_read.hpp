// The exact read over all slots by Euclidean distance, wherever keys and queries lie.
#pragma once

#include "store/state.hpp"

namespace kvmem::store {

// Whether squares less products, in float, are as good: keys and queries lie so near to the origin, measured by the
// temperature, that scores made so are right to about 2^-12.
bool is_near_origin(const State& state, ConstView queries, Real temperature);

// Distances are worked out one by one and in double, as a search does. It takes the time of a search for one query
// and many times that of products for many queries.
ReadResult read_by_distance(const State& state, ConstView queries, const ReadOptions& options);

}  // namespace kvmem::store
