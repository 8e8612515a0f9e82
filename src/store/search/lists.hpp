// The lists of an index: slots by the nearest of some centroids.
#pragma once

#include "store/state.hpp"

namespace kvmem::store {

// A key, or a query, as lists see it [width]: by cosine its direction.
void see_as_lists(Similarity metric, const float* key, Index width, float* seen);

// Centroids of the live slots of a state (k-means: Lloyd 1982), ready to be searched.
std::shared_ptr<const Part> train_centroids(const State& state, const IndexOptions& options);

// Centroids ready to be searched by the queries of a store of this metric.
std::shared_ptr<const Part> searchable(ConstView centroids, Similarity store_metric);

// The live slots of a state in one part: in their order, or with centroids in the order of their lists.
std::shared_ptr<const Part> gather(const State& state, std::shared_ptr<const Part> centroids);

}  // namespace kvmem::store
