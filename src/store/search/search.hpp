// The search through one state of a store.
#pragma once

#include "store/search/selection.hpp"

namespace kvmem::store {

// The k best slots of each query, or all those of at least `floor`.
std::vector<Best> search(const State& state, const Queries& queries, Index k, float floor,
                         const SearchOptions& options);

// The places that each of so many rows of results has: k, or as many as there are slots. Throws Error when k is
// negative, or all of them are more than can be.
Index places_of_each(const State& state, Index rows, Index k, const char* option);

Hits to_hits(const std::vector<Best>& best, Index k);

}  // namespace kvmem::store
