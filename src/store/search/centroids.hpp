// The nearest of some centroids, as far as their codes tell: good enough to choose lists by.
#pragma once

#include "store/search/query.hpp"

namespace kvmem::store {

// The `count` nearest centroids of each query [queries, count], nearest first; of equal ones the first. At most as many
// as there are. The queries were made ready for the part's options, whose form is int8.
std::vector<std::uint32_t> nearest_centroids(const Part& centroids, const Queries& queries, Index count);

}  // namespace kvmem::store
