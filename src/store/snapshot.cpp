#include "store/snapshot.hpp"

#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem::store {

void DeletedSlots::add(Index slot) {
    const Index tile = slot / detail::scan_tile, at = tile / chunk_tiles;
    if (at >= std::ssize(chunks_)) chunks_.resize(at + 1);
    std::shared_ptr<Chunk>& chunk = chunks_[at];
    // A chunk is copied on the first write, because the snapshot that it came from is read meanwhile. That snapshot
    // holds its chunk until the next one is published, so the count cannot miss it.
    if (!chunk)
        chunk = std::make_shared<Chunk>();
    else if (chunk.use_count() > 1)
        chunk = std::make_shared<Chunk>(*chunk);
    (*chunk)[tile % chunk_tiles] |= std::uint64_t{1} << (slot % detail::scan_tile);
    ++count_;
}

std::size_t DeletedSlots::bytes() const {
    return sizeof(Chunk) * std::count_if(chunks_.begin(), chunks_.end(), [](const auto& chunk) { return !!chunk; });
}

// Newer segments are searched first, since they hold what was upserted.
static std::optional<Location> find_in(const Snapshot& snapshot, Id id, std::uint64_t hash) {
    if (!snapshot.may_hold(id)) return std::nullopt;
    for (Index s = std::ssize(snapshot.segments); s-- > 0;) {
        const SegmentView& view = snapshot.segments[s];
        const Index slot = view.segment->table.find(id, hash, view.count);
        if (slot >= 0 && view.is_live(slot)) return Location{s, slot};
    }
    return std::nullopt;
}

std::optional<Location> Snapshot::find(Id id) const { return find_in(*this, id, hash_of(id)); }

// Hash tables of all segments are prefetched some ids ahead: each look-up would otherwise wait for a cache miss.
std::vector<Location> Snapshot::find(std::span<const Id> ids) const {
    constexpr std::size_t distance = 8;
    std::vector<std::uint64_t> hashes(ids.size());
    std::vector<Location> locations;
    for (std::size_t i = 0; i < ids.size() + distance; ++i) {
        if (i < ids.size() && may_hold(ids[i])) {
            hashes[i] = hash_of(ids[i]);
            for (const SegmentView& view : segments) view.segment->table.prefetch(hashes[i]);
        }
        if (i < distance) continue;
        if (const auto found = find_in(*this, ids[i - distance], hashes[i - distance])) locations.push_back(*found);
    }
    return locations;
}

Id id_after(Id next_id, std::span<const Id> ids) {
    if (ids.empty()) return next_id;
    const Id largest = *std::max_element(ids.begin(), ids.end());
    return std::max(next_id, largest == ~Id{0} ? largest : largest + 1);
}

std::vector<Location> live_locations(const Snapshot& snapshot, bool (*is_wanted)(const SegmentView&)) {
    std::vector<Location> locations;
    Index count = 0;
    for (const SegmentView& view : snapshot.segments) count += is_wanted(view) ? view.live_count() : 0;
    locations.reserve(count);
    for (Index s = 0; s < std::ssize(snapshot.segments); ++s) {
        const SegmentView& view = snapshot.segments[s];
        if (!is_wanted(view)) continue;
        for (Index slot = 0; slot < view.count; ++slot)
            if (view.is_live(slot)) locations.push_back({s, slot});
    }
    return locations;
}

void copy_slots(const Snapshot& from, std::span<const Location> locations, Segment& to) {
    constexpr Index block = 65536;  // bounds the memory of the copies between the two segments
    const Index width = from.options.key_width, value_width = from.options.value_width;
    for (Index at = 0; at < std::ssize(locations); at += block) {
        const Index n = std::min<Index>(block, std::ssize(locations) - at);
        Matrix keys(n, width), values(n, value_width);
        std::vector<Id> ids(n);
        std::vector<std::string> texts(from.has_texts ? n : 0);
        const auto copy_slot = [&](Index i) {
            const Segment& segment = from.segment(locations[at + i]);
            const Index slot = locations[at + i].slot;
            std::copy_n(segment.key(slot), width, keys.row(i));
            std::copy_n(segment.value(slot), value_width, values.row(i));
            ids[i] = segment.ids[slot];
            if (segment.texts) texts[i] = segment.texts[slot];
        };
        parallel_for(n, 1024, [&](Index first, Index last) {
            for (Index i = first; i < last; ++i) copy_slot(i);
        });
        to.append(at, keys, {values, texts}, ids);
    }
}

}  // namespace kvmem::store
