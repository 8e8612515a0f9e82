// The nearest centroids of queries by int8 codes alone. An error of a code at worst picks the second best list.
#pragma once

#include "store/search/query.hpp"

namespace kvmem::store {

// The `count` nearest centroids of each query [queries, count], nearest first; of equal ones the first. `count` is at
// most the number of centroids. The segment's encoding is int8, and the queries were made with its options.
std::vector<std::uint32_t> nearest_centroids(const Segment& centroids, const Queries& queries, Index count);

}  // namespace kvmem::store
