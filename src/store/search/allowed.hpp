// Which slots of a state a search may find, or a read may read.
#pragma once

#include "store/search/selection.hpp"

#include <span>
#include <vector>

namespace kvmem::store {

class Allowed {
  public:
    // Both must outlive it.
    Allowed(const State& state, const SearchOptions& options);

    // Whether there is a rule that could forbid live slots.
    bool has_rules() const { return options_.among || options_.where; }
    // A bit for each live slot of a tile that is among those to be found.
    std::uint64_t tile(Index slice, Index tile) const {
        const std::uint64_t live = state_.slices[static_cast<std::size_t>(slice)].live(tile);
        return options_.among ? live & bits_[static_cast<std::size_t>(slice)][static_cast<std::size_t>(tile)] : live;
    }
    // Those of them that pass `where`, too, which is asked for each.
    std::uint64_t passing(Index slice, Index tile) const;

    // So few that each is better looked at than looked for.
    bool is_small() const { return options_.among && static_cast<Index>(places_.size()) * 32 < state_.size; }
    std::span<const Place> places() const { return places_; }

  private:
    const State& state_;
    const SearchOptions& options_;
    std::vector<Bits> bits_;  // of each slice, if `among` is given
    std::vector<Place> places_;
};

}  // namespace kvmem::store
