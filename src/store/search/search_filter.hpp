// The slots of a snapshot that a search may find and a read may attend to.
#pragma once

#include "store/search/candidates.hpp"

#include <limits>
#include <span>
#include <vector>

namespace kvmem::store {

// The score of a slot that is left out, below that of each slot.
constexpr Real no_score = -std::numeric_limits<Real>::infinity();

class SearchFilter {
  public:
    // Both arguments must outlive the filter.
    SearchFilter(const Snapshot& snapshot, const SearchOptions& options);

    // Whether the options exclude any slot but deleted ones.
    bool has_rules() const { return options_.among || options_.where; }
    // The live slots of a tile that are in `among`, a bit each. `where` is not called, as most slots are never hits.
    std::uint64_t tile(Index segment, Index tile) const {
        const std::uint64_t live = snapshot_.segments[segment].live(tile);
        return options_.among ? live & bits_[segment][tile] : live;
    }
    // The same slots as far as they also pass `where`, which is called for each.
    std::uint64_t passing(Index segment, Index tile) const;

    // Whether `among` is so small that scoring its slots is faster than scanning all.
    bool is_small() const { return options_.among && std::ssize(locations_) * 32 < snapshot_.size; }
    std::span<const Location> locations() const { return locations_; }

  private:
    const Snapshot& snapshot_;
    const SearchOptions& options_;
    std::vector<Bits> bits_;  // of each segment, when there is an `among`
    std::vector<Location> locations_;
};

}  // namespace kvmem::store
