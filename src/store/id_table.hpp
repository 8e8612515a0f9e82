// A hash table from ids to the slots of a segment. An id may name several slots, one added after the other.
//
// One thread adds slots. Meanwhile other threads may look for slots below a count that they know of.
#pragma once

#include "kvmem/store/memory_store.hpp"
#include "store/files/buffer.hpp"

namespace kvmem::store {

// A keyed hash, whose key differs from process to process: chosen ids cannot be made to collide. No result depends on
// it.
std::uint64_t hash_of(Id id);

// An id that comes twice, if any does. Ascending ids cost one pass, and others are sorted.
std::optional<Id> find_duplicate(std::span<const Id> ids);

class IdTable {
  public:
    // A table for `slots` slots. The caller writes a slot's id to this array before it adds the slot.
    IdTable(Buffer<Id> ids, Index slots);

    // Adds slots [first, end), which follow all slots of the table.
    void add(Index first, Index end);
    // The last slot of an id among the first `count`, or -1. `hash` is hash_of(id).
    Index find(Id id, std::uint64_t hash, Index count) const;
    // Prefetches the memory that find() reads first.
    void prefetch(std::uint64_t hash) const { __builtin_prefetch(entries_.data() + bucket_of(hash)); }

    std::size_t bytes() const { return sizeof(std::uint32_t) * buckets_; }

  private:
    void add(Index slot);
    Index bucket_of(std::uint64_t hash) const;
    Index next(Index bucket) const { return bucket + 1 == buckets_ ? 0 : bucket + 1; }

    Buffer<Id> ids_;
    int slot_bits_;
    Index buckets_;
    // Open addressing. An entry is 0, or slot + 1 in its low slot_bits_ and the low bits of the hash above. The tag
    // saves most reads of ids_, each of which would be a cache miss. Entries are never removed.
    Buffer<std::uint32_t> entries_;
    // For each slot the previous slot of its id + 1, or 0: readers of older snapshots follow it. Its pages take no
    // memory until an id is replaced.
    Buffer<std::uint32_t> previous_;
};

}  // namespace kvmem::store
