// The index: inverted lists (IVF), which sort slots by their nearest centroid.
#pragma once

#include "store/snapshot.hpp"

namespace kvmem::store {

// Maps a key or a query [width] to the space that centroids lie in: for the cosine metric to its direction, else to
// itself.
void to_list_space(Similarity metric, const float* key, Index width, float* mapped);

// Centroids of the live slots of a snapshot by k-means (Lloyd 1982), ready for nearest_centroids(); null without slots.
std::shared_ptr<const Segment> train_centroids(const Snapshot& snapshot, const IndexOptions& options);

// A segment of centroids that queries of a store of this metric can be compared with.
std::shared_ptr<const Segment> centroids_for_queries(ConstView centroids, Similarity store_metric);

// Gathers the live slots of a snapshot in a full segment for each shard (shard_of): in the order of their lists, or,
// where centroids is null, in their own.
std::vector<std::shared_ptr<const Segment>> merge_segments(const Snapshot& snapshot,
                                                           const std::shared_ptr<const Segment>& centroids,
                                                           Index shards = 1);

}  // namespace kvmem::store
