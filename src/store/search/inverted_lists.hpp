// The index: inverted lists (IVF), which sort slots by their nearest centroid.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/rng.hpp"
#include "store/snapshot.hpp"

#include <memory>
#include <span>
#include <vector>

namespace kvmem::store {

// Maps a key or a query [width] to the space that centroids lie in: for the cosine metric to its direction, else to
// itself.
void to_list_space(Similarity metric, const float* key, Index width, float* mapped);

// The keys of slots as they lie in that space, a row for each.
Matrix keys_in_list_space(const Snapshot& snapshot, std::span<const Location> locations);

// K-means (Lloyd 1982) over a random sample of the keys of some slots, wherever these are.
class CentroidTraining {
  public:
    // Of slots that are numbered from 0, at least one. Throws UsageError when an option is out of range.
    CentroidTraining(Index slots, const IndexOptions& options);
    // The numbers of the slots in the sample.
    [[nodiscard]] std::span<const Index> sample() const { return sample_; }
    // The centroids [lists, D] of the sample's keys, which are rows in list space. To be called once.
    [[nodiscard]] Matrix learn(ConstView keys);

  private:
    Rng random_;
    Index lists_, rounds_;
    std::vector<Index> sample_;
};

// Centroids of the live slots of a snapshot, ready for nearest_centroids(); null without slots.
std::shared_ptr<const Segment> train_centroids(const Snapshot& snapshot, const IndexOptions& options);

// A segment of centroids that queries of a store of this metric can be compared with.
std::shared_ptr<const Segment> centroids_for_queries(ConstView centroids, Similarity store_metric);

// Gathers the live slots of a snapshot in a full segment for each shard (shard_of): in the order of their lists, or,
// where centroids is null, in their own.
std::vector<std::shared_ptr<const Segment>> merge_segments(const Snapshot& snapshot,
                                                           const std::shared_ptr<const Segment>& centroids,
                                                           Index shards = 1);

}  // namespace kvmem::store
