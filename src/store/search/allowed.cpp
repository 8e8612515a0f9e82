#include "store/search/allowed.hpp"

namespace kvmem::store {

using detail::scan_tile;

Allowed::Allowed(const State& state, const SearchOptions& options) : state_(state), options_(options) {
    if (!options.among) return;
    for (const Slice& slice : state.slices) bits_.emplace_back(static_cast<std::size_t>(slice.tiles()));
    for (const Place place : state.find(*options.among)) {
        std::uint64_t& tile =
            bits_[static_cast<std::size_t>(place.slice)][static_cast<std::size_t>(place.slot / scan_tile)];
        const std::uint64_t bit = std::uint64_t{1} << (place.slot % scan_tile);
        if (!(tile & bit)) places_.push_back(place);
        tile |= bit;
    }
}

std::uint64_t Allowed::passing(Index slice, Index tile) const {
    const std::uint64_t all = this->tile(slice, tile);
    if (!options_.where) return all;
    const Id* ids = state_.slices[static_cast<std::size_t>(slice)].part->ids.data() + tile * scan_tile;
    std::uint64_t passing = all;
    for (std::uint64_t rest = all; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctzll(rest);
        if (!options_.where(ids[i])) passing &= ~(std::uint64_t{1} << i);
    }
    return passing;
}

}  // namespace kvmem::store
