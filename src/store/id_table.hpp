// Finds slots by their ids, one of which may name one slot after the other. One thread adds slots while others look for
// those that they know of.
#pragma once

#include "kvmem/store/memory_store.hpp"
#include "store/files/buffer.hpp"

namespace kvmem::store {

// Differs from process to process: whoever chooses ids cannot choose them to fall on one place. No result depends on
// it.
std::uint64_t hash_of(Id id);

class IdTable {
  public:
    // Of `slots` ids, each of which is in this array before its slot is added.
    IdTable(Buffer<Id> ids, Index slots);

    // StoredSlots [first, end), which come after all that are there.
    void add(Index first, Index end);
    // The last slot of an id, of this hash, among the first `count`, or -1.
    Index find(Id id, std::uint64_t hash, Index count) const;
    // Prefetches what find() will look at.
    void prefetch(std::uint64_t hash) const { __builtin_prefetch(entries_.data() + place_of(hash)); }

    std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(std::uint32_t); }

  private:
    void add(Index slot);
    Index place_of(std::uint64_t hash) const;
    Index after(Index place) const { return place + 1 == size_ ? 0 : place + 1; }

    Buffer<Id> ids_;
    int slot_bits_;
    Index size_;
    // Open addressing: 0, or the id's last slot + 1 below as many bits of its hash as there is room for. Places are
    // never given back.
    Buffer<std::uint32_t> entries_;
    // Of a slot, the one that had its id before + 1, or 0: for readers of older states. Costs nothing until it is used.
    Buffer<std::uint32_t> before_;
};

}  // namespace kvmem::store
