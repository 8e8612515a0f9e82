// One state of a store: which slots of which parts are there. It never changes.
#pragma once

#include "store/part.hpp"

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace kvmem::store {

struct Place {
    Index slice, slot;
};

// A bit for each slot of a part that is dead. Copies share what neither of them has changed since.
class DeadSlots {
  public:
    Index count() const { return count_; }
    std::uint64_t tile(Index tile) const {
        const auto chunk = static_cast<std::size_t>(tile / tiles_each);
        if (chunk >= chunks_.size() || !chunks_[chunk]) return 0;
        return (*chunks_[chunk])[static_cast<std::size_t>(tile % tiles_each)];
    }
    // A slot that lives.
    void mark(Index slot);
    std::size_t bytes() const;

  private:
    static constexpr Index tiles_each = 512;
    using Chunk = std::array<std::uint64_t, tiles_each>;

    std::vector<std::shared_ptr<Chunk>> chunks_;  // null: none is dead
    Index count_ = 0;
};

// What of a part a state of the store holds.
struct Slice {
    std::shared_ptr<const Part> part;
    Index count = 0;
    std::shared_ptr<const DeadSlots> dead;  // null: none

    std::uint64_t live(Index tile) const {
        const Index rest = count - tile * detail::scan_tile;
        const std::uint64_t there = rest >= detail::scan_tile ? ~std::uint64_t{0} : (std::uint64_t{1} << rest) - 1;
        return dead ? there & ~dead->tile(tile) : there;
    }
    bool is_live(Index slot) const { return live(slot / detail::scan_tile) >> (slot % detail::scan_tile) & 1; }
    Index live_count() const { return dead ? count - dead->count() : count; }
    Index tiles() const { return (count + detail::scan_tile - 1) / detail::scan_tile; }
};

struct State {
    StoreOptions options;
    std::vector<Slice> slices;
    Index size = 0;
    std::uint64_t version = 0;
    bool has_texts = false;

    const Part& part(Place place) const { return *slices[static_cast<std::size_t>(place.slice)].part; }
    std::optional<Place> find(Id id) const;
    // Where the ids are, of those that are there.
    std::vector<Place> find(std::span<const Id> ids) const;
};

// The live slots of the slices that are wanted, in their order.
std::vector<Place> live_places(const State& state, bool (*is_wanted)(const Slice&));
// Puts slots in front of an empty part. Throws Error when memory runs out.
void copy_slots(const State& from, std::span<const Place> places, Part& to);

}  // namespace kvmem::store
