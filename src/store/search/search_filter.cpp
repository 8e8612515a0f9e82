#include "store/search/search_filter.hpp"

namespace kvmem::store {

using detail::scan_tile;

SearchFilter::SearchFilter(const Snapshot& snapshot, const SearchOptions& options)
    : snapshot_(snapshot), options_(options) {
    if (!options.among) return;
    for (const SegmentView& view : snapshot.segments) bits_.emplace_back(view.tiles());
    for (const Location location : snapshot.find(*options.among)) {
        std::uint64_t& tile = bits_[location.segment][location.slot / scan_tile];
        const std::uint64_t bit = std::uint64_t{1} << (location.slot % scan_tile);
        if (!(tile & bit)) locations_.push_back(location);
        tile |= bit;
    }
}

std::uint64_t SearchFilter::passing(Index segment, Index tile) const {
    const std::uint64_t all = this->tile(segment, tile);
    if (!options_.where) return all;
    const Id* ids = snapshot_.segments[segment].segment->ids.data() + tile * scan_tile;
    std::uint64_t passing = all;
    for (std::uint64_t rest = all; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctzll(rest);
        if (!options_.where(ids[i])) passing &= ~(std::uint64_t{1} << i);
    }
    return passing;
}

}  // namespace kvmem::store
