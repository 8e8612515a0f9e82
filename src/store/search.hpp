// The search through one state of a store.
#pragma once

#include "store/selection.hpp"

namespace kvmem::store {

// The k best slots of each query, or all those of at least `floor`.
std::vector<Best> search(const State& state, const Queries& queries, Index k, float floor,
                         const SearchOptions& options);

Hits to_hits(const std::vector<Best>& best, Index k);

}  // namespace kvmem::store
