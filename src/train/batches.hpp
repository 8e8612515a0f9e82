// The batches of an epoch, and the shards of a batch. Not installed.
#pragma once

#include "kvmem/train/objective.hpp"

#include <span>
#include <vector>

namespace kvmem {

// The items of an epoch in the order in which training sees them, cut into batches.
class Batches {
  public:
    // A batch ends at `max_items`, and before the sum of its sizes would exceed `max_size`; 0: any. It has at least one
    // item.
    Batches(const Objective& objective, std::vector<Index> order, Index max_items, Index max_size);

    Index count() const { return std::ssize(ends_); }
    std::span<const Index> operator[](Index i) const { return before(i + 1).subspan(before(i).size()); }
    // The items of the first `count` batches.
    std::span<const Index> before(Index count) const {
        return std::span(order_).first(count == 0 ? 0 : ends_[count - 1]);
    }

  private:
    std::vector<Index> order_;
    std::vector<Index> ends_;  // of each batch
};

// The ends of shards of about equal sums of sizes, or of about equal numbers of items if all have one size.
std::vector<Index> shard_ends(const Objective& objective, std::span<const Index> items, Index shards);

}  // namespace kvmem
