// A store in shards that the ranks of a cluster make together: each one encodes and writes the shards that are its own.
//
// The store is the one that a single process makes by MemoryStore::create, add() of all slots in the order of their
// ids, and index() or compact(): but for the random numbers that tell one writing from another (set, generation and
// follows: src/store/files/README.md), files have the same bytes on any number of ranks.
#pragma once

#include "kvmem/cluster/cluster.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/store/memory_store.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kvmem {

// The slots that a rank has of a new store: those of its own shards (deal_evenly).
struct SlotsOfRank {
    // The slots of all ranks, whose ids are the numbers below it.
    Index all = 0;
    // The ids of its own, as ids_of_rank() tells, and what belongs to them: keys [n, D], values [n, E], and a text for
    // each if slots have texts.
    std::vector<store::Id> ids;
    Matrix keys, values;
    std::vector<std::string> texts;
};

// Which of the ids below `all` are in the shards of this rank, rising.
[[nodiscard]] std::vector<store::Id> ids_of_rank(const Cluster& cluster, Index all, Index shards);

// Gives each rank its slots, of which rank 0 has all: row i belongs to the id i. Arguments of other ranks do not count.
[[nodiscard]] SlotsOfRank deal_slots(Cluster& cluster, Index shards, ConstView keys, const store::Values& values);

// What a new store is to be. All ranks name the same.
struct NewStore {
    // The manifest, and the number of shards, 1 to 1024.
    std::filesystem::path path;
    Index shards = 1;
    // The metric and encoding of all slots; their widths are those of the slots.
    Similarity metric = Similarity::dot;
    store::KeyEncoding encoding = store::KeyEncoding::float32;
    // The number of changes that the store counts (MemoryStore::version).
    std::uint64_t changes = 1;
    // How lists are built; none: without.
    std::optional<store::IndexOptions> index{};
};

// Makes the store of all ranks' slots. Throws Error, on every rank and for the first that fails, for a file that is
// there already, slots that a store refuses, and files that cannot be written: then none of its files is left.
void make_store(Cluster& cluster, const NewStore& wanted, SlotsOfRank own);

}  // namespace kvmem
