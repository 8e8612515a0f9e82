// One snapshot of a store: its segments, the number of slots of each that count, and which of these are deleted. It
// never changes, and it owns its segments together with other snapshots.
#pragma once

#include "store/segment.hpp"

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace kvmem::store {

struct Location {
    Index segment, slot;
};

// The deleted slots of a segment, a bit each. Copies share the chunks that neither of them has changed.
class DeletedSlots {
  public:
    Index count() const { return count_; }
    std::uint64_t tile(Index tile) const {
        const Index chunk = tile / chunk_tiles;
        if (chunk >= std::ssize(chunks_) || !chunks_[chunk]) return 0;
        return (*chunks_[chunk])[tile % chunk_tiles];
    }
    // Deletes a slot that is live.
    void add(Index slot);
    std::size_t bytes() const;

  private:
    static constexpr Index chunk_tiles = 512;
    using Chunk = std::array<std::uint64_t, chunk_tiles>;

    std::vector<std::shared_ptr<Chunk>> chunks_;  // null: no slot of the chunk is deleted
    Index count_ = 0;
};

// The part of a segment that a snapshot holds.
struct SegmentView {
    std::shared_ptr<const Segment> segment;
    Index count = 0;
    std::shared_ptr<const DeletedSlots> deleted;  // null: none
    bool is_whole = false;                        // from a file, an index or compact(): it never grew

    std::uint64_t live(Index tile) const {
        const Index rest = count - tile * detail::scan_tile;
        const std::uint64_t all = rest >= detail::scan_tile ? ~std::uint64_t{0} : (std::uint64_t{1} << rest) - 1;
        return deleted ? all & ~deleted->tile(tile) : all;
    }
    bool is_live(Index slot) const { return live(slot / detail::scan_tile) >> (slot % detail::scan_tile) & 1; }
    Index live_count() const { return deleted ? count - deleted->count() : count; }
    Index tiles() const { return (count + detail::scan_tile - 1) / detail::scan_tile; }
};

struct Snapshot {
    StoreOptions options;
    std::vector<SegmentView> segments;
    Index size = 0;
    std::uint64_t version = 0;
    bool has_texts = false;
    // Larger than every id that was ever in the store, except that 2^64 - 1 is followed by itself.
    Id next_id = 0;

    const Segment& segment(Location location) const { return *segments[location.segment].segment; }
    // The index of the store: the lists of its first segment, null without one. The segments of other shards follow,
    // with lists of the same centroids.
    const InvertedLists* lists() const { return segments.empty() ? nullptr : segments[0].segment->lists.get(); }
    // The number of segments with lists.
    Index indexed() const {
        Index count = 0;
        while (count < std::ssize(segments) && segments[count].segment->lists) ++count;
        return count;
    }
    // False of ids that cannot be in any segment, so that new ids need no look-up.
    bool may_hold(Id id) const { return id < next_id || id == ~Id{0}; }
    std::optional<Location> find(Id id) const;
    // Locations of the ids that are in the snapshot, in their order.
    std::vector<Location> find(std::span<const Id> ids) const;
};

// The id after all of these and after `next_id`, as in Snapshot::next_id.
Id id_after(Id next_id, std::span<const Id> ids);

// Live slots of the segments that are wanted, in their order.
std::vector<Location> live_locations(const Snapshot& snapshot, bool (*is_wanted)(const SegmentView&));
// Copies slots to the front of an empty segment. Throws Error when memory runs out.
void copy_slots(const Snapshot& from, std::span<const Location> locations, Segment& to);

}  // namespace kvmem::store
