#include "store/id_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <random>

namespace kvmem::store {

__extension__ using Wide = unsigned __int128;

static std::array<Wide, 2> random_key() {
    std::random_device random;
    std::array<Wide, 2> key{};
    for (Wide& number : key)
        for (int i = 0; i < 4; ++i) number = number << 32 | random();
    return key;
}

// Multiply-shift (Dietzfelbinger 1996): any two ids fall on any two values with the same probability. The finaliser of
// SplitMix64 (Steele, Lea, Flood 2014) spreads ids that follow each other.
std::uint64_t hash_of(Id id) {
    static const std::array<Wide, 2> key = random_key();
    auto x = static_cast<std::uint64_t>((key[0] * id + key[1]) >> 64);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

// Two thirds of the entries may be taken: a look-up that fails then goes through five or so.
IdTable::IdTable(Buffer<Id> ids, Index slots)
    : ids_(std::move(ids)),
      slot_bits_(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(slots)))),
      size_(slots + slots / 2 + 1),
      entries_(size_),
      before_(slots) {}

Index IdTable::place_of(std::uint64_t hash) const {
    return static_cast<Index>((Wide{hash} * static_cast<std::uint64_t>(size_)) >> 64);
}

void IdTable::add(Index first, Index end) {
    constexpr Index ahead = 8;
    for (Index slot = first; slot < end; ++slot) {
        if (slot + ahead < end) prefetch(hash_of(ids_[slot + ahead]));
        add(slot);
    }
}

void IdTable::add(Index slot) {
    const std::uint64_t hash = hash_of(ids_[slot]), slots = (std::uint64_t{1} << slot_bits_) - 1;
    const auto tag = static_cast<std::uint32_t>(hash << slot_bits_);
    Index place = place_of(hash);
    for (;; place = after(place)) {
        const std::uint32_t entry = entries_[place];
        if (entry == 0) break;
        if (((entry ^ tag) & ~slots) != 0 || ids_[static_cast<Index>(entry & slots) - 1] != ids_[slot]) continue;
        before_[slot] = static_cast<std::uint32_t>(entry & slots);
        break;
    }
    // Whoever meets the entry early sees the id, and that the slot is beyond what it may read.
    std::atomic_ref(entries_[place]).store(tag | static_cast<std::uint32_t>(slot + 1), std::memory_order_release);
}

Index IdTable::find(Id id, std::uint64_t hash, Index count) const {
    const std::uint64_t slots = (std::uint64_t{1} << slot_bits_) - 1;
    const auto tag = static_cast<std::uint32_t>(hash << slot_bits_);
    for (Index place = place_of(hash);; place = after(place)) {
        const std::uint32_t entry = std::atomic_ref(entries_[place]).load(std::memory_order_acquire);
        if (entry == 0) return -1;
        if (((entry ^ tag) & ~slots) != 0) continue;
        Index slot = static_cast<Index>(entry & slots) - 1;
        if (ids_[slot] != id) continue;
        while (slot >= count) slot = Index{before_[slot]} - 1;
        return slot;
    }
}

}  // namespace kvmem::store
