// The search through one snapshot of a store.
#pragma once

#include "store/search/candidates.hpp"

namespace kvmem::store {

// The k best slots of each query, of those with a score of at least min_score. The arguments must live during the call.
std::vector<TopK> search(const Snapshot& snapshot, const Queries& queries, Index k, float min_score,
                         const SearchOptions& options);

// The places of each row of results: k, or the number of slots if it is smaller. Throws Error when k is negative or
// all rows together overflow. `option` is k's name.
Index places_of_each(const Snapshot& snapshot, Index rows, Index k, const char* option);

Hits to_hits(const std::vector<TopK>& found, Index k);

}  // namespace kvmem::store
