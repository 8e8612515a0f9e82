#include "store/state.hpp"

#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem::store {

void DeadSlots::mark(Index slot) {
    const auto tile = slot / detail::scan_tile;
    const auto at = static_cast<std::size_t>(tile / tiles_each);
    if (at >= chunks_.size()) chunks_.resize(at + 1);
    std::shared_ptr<Chunk>& chunk = chunks_[at];
    // The state that these bits were copied from holds them, too, as long as the next one is being made.
    if (!chunk)
        chunk = std::make_shared<Chunk>();
    else if (chunk.use_count() > 1)
        chunk = std::make_shared<Chunk>(*chunk);
    (*chunk)[static_cast<std::size_t>(tile % tiles_each)] |= std::uint64_t{1} << (slot % detail::scan_tile);
    ++count_;
}

std::size_t DeadSlots::bytes() const {
    return sizeof(Chunk) * static_cast<std::size_t>(std::count_if(chunks_.begin(), chunks_.end(),
                                                                  [](const auto& chunk) { return chunk != nullptr; }));
}

static std::optional<Place> find_in(const State& state, Id id, std::uint64_t hash) {
    for (std::size_t s = state.slices.size(); s-- > 0;) {
        const Slice& slice = state.slices[s];
        const Index slot = slice.part->table.find(id, hash, slice.count);
        if (slot >= 0 && slice.is_live(slot)) return Place{static_cast<Index>(s), slot};
    }
    return std::nullopt;
}

std::optional<Place> State::find(Id id) const { return find_in(*this, id, hash_of(id)); }

std::vector<Place> State::find(std::span<const Id> ids) const {
    constexpr std::size_t ahead = 8;
    std::vector<std::uint64_t> hashes(ids.size());
    std::vector<Place> places;
    for (std::size_t i = 0; i < ids.size() + ahead; ++i) {
        if (i < ids.size()) {
            hashes[i] = hash_of(ids[i]);
            for (const Slice& slice : slices) slice.part->table.prefetch(hashes[i]);
        }
        if (i < ahead) continue;
        if (const auto place = find_in(*this, ids[i - ahead], hashes[i - ahead])) places.push_back(*place);
    }
    return places;
}

std::vector<Place> live_places(const State& state, bool (*is_wanted)(const Slice&)) {
    std::vector<Place> places;
    Index count = 0;
    for (const Slice& slice : state.slices) count += is_wanted(slice) ? slice.live_count() : 0;
    places.reserve(static_cast<std::size_t>(count));
    for (std::size_t s = 0; s < state.slices.size(); ++s) {
        const Slice& slice = state.slices[s];
        if (!is_wanted(slice)) continue;
        for (Index slot = 0; slot < slice.count; ++slot)
            if (slice.is_live(slot)) places.push_back({static_cast<Index>(s), slot});
    }
    return places;
}

void copy_slots(const State& from, std::span<const Place> places, Part& to) {
    constexpr Index block = 65536;
    const auto count = static_cast<Index>(places.size());
    const Index width = from.options.key_width, value_width = from.options.value_width;
    for (Index at = 0; at < count; at += block) {
        const Index n = std::min(block, count - at);
        Matrix keys(n, width), values(n, value_width);
        std::vector<Id> ids(static_cast<std::size_t>(n));
        std::vector<std::string> texts(from.has_texts ? ids.size() : 0);
        parallel_for(n, 1024, [&](Index first, Index last) {
            for (Index i = first; i < last; ++i) {
                const Place place = places[static_cast<std::size_t>(at + i)];
                const Part& part = from.part(place);
                std::copy_n(part.keys.data() + place.slot * width, width, keys.row(i));
                if (value_width > 0)
                    std::copy_n(part.values.data() + place.slot * value_width, value_width, values.row(i));
                ids[static_cast<std::size_t>(i)] = part.ids[place.slot];
                if (part.texts) texts[static_cast<std::size_t>(i)] = part.texts[place.slot];
            }
        });
        to.append(at, keys, {values, texts}, ids);
    }
}

}  // namespace kvmem::store
