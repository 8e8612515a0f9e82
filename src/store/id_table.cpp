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

// Multiply-shift (Dietzfelbinger 1996) gives any two ids any two values with equal probability. The finaliser of
// SplitMix64 (Steele, Lea, Flood 2014) spreads consecutive ids.
std::uint64_t hash_of(Id id) {
    static const std::array<Wide, 2> key = random_key();
    auto x = static_cast<std::uint64_t>((key[0] * id + key[1]) >> 64);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

std::optional<Id> find_duplicate(std::span<const Id> ids) {
    if (std::ranges::adjacent_find(ids, std::greater_equal<Id>()) == ids.end()) return std::nullopt;
    std::vector<Id> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    return twice == sorted.end() ? std::nullopt : std::optional(*twice);
}

// At most two thirds of the buckets are taken, so that a failed look-up reads about five of them.
IdTable::IdTable(Buffer<Id> ids, Index slots)
    : ids_(std::move(ids)),
      slot_bits_(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(slots)))),
      buckets_(slots + slots / 2 + 1),
      entries_(buckets_),
      previous_(slots) {}

Index IdTable::bucket_of(std::uint64_t hash) const {
    return static_cast<Index>((Wide{hash} * static_cast<std::uint64_t>(buckets_)) >> 64);
}

void IdTable::add(Index first, Index end) {
    constexpr Index distance = 8;
    for (Index slot = first; slot < end; ++slot) {
        if (slot + distance < end) prefetch(hash_of(ids_[slot + distance]));
        add(slot);
    }
}

void IdTable::add(Index slot) {
    const std::uint64_t hash = hash_of(ids_[slot]), slots = (std::uint64_t{1} << slot_bits_) - 1;
    const auto tag = static_cast<std::uint32_t>(hash << slot_bits_);
    Index bucket = bucket_of(hash);
    for (;; bucket = next(bucket)) {
        const std::uint32_t entry = entries_[bucket];
        if (entry == 0) break;
        if (((entry ^ tag) & ~slots) != 0 || ids_[(entry & slots) - 1] != ids_[slot]) continue;
        previous_[slot] = static_cast<std::uint32_t>(entry & slots);
        break;
    }
    // Released, so that a reader that finds the entry also sees the slot's id and previous slot. The reader skips the
    // slot itself, which is not below its count.
    std::atomic_ref(entries_[bucket]).store(tag | static_cast<std::uint32_t>(slot + 1), std::memory_order_release);
}

Index IdTable::find(Id id, std::uint64_t hash, Index count) const {
    const std::uint64_t slots = (std::uint64_t{1} << slot_bits_) - 1;
    const auto tag = static_cast<std::uint32_t>(hash << slot_bits_);
    for (Index bucket = bucket_of(hash);; bucket = next(bucket)) {
        const std::uint32_t entry = std::atomic_ref(entries_[bucket]).load(std::memory_order_acquire);
        if (entry == 0) return -1;
        if (((entry ^ tag) & ~slots) != 0) continue;
        Index slot = static_cast<Index>(entry & slots) - 1;
        if (ids_[slot] != id) continue;
        while (slot >= count) slot = Index{previous_[slot]} - 1;
        return slot;
    }
}

}  // namespace kvmem::store
