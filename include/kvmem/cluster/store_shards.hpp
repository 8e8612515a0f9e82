// Searches of a store whose shards the ranks of a cluster have (MemoryStore::open_shards).
//
// Every rank searches its shards. What they find is put into a small store on rank 0, in which a search or a read finds
// what it would in the whole store, bit for bit. So what is done with results does not depend on where slots lie.
#pragma once

#include "kvmem/cluster/cluster.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/store/memory_store.hpp"

#include <span>

namespace kvmem {

// Opens the shards of this rank. Throws Error, on all ranks, for a store that is not in shards, and for what any rank
// cannot open; so rank 0 can name it.
store::MemoryStore open_store_of_rank(Cluster& cluster, const std::filesystem::path& path);

// A store, on rank 0, of the slots of these ids of each rank, which are in its own one; an empty store on the others.
// Texts are kept if the store of any rank has them.
store::MemoryStore gather_slots(Cluster& cluster, const store::MemoryStore& own, std::span<const store::Id> ids);

// The rows of rank 0, on every rank.
Matrix share_rows(Cluster& cluster, ConstView rows);

// gather_slots() of those that are among the k best of any query [B, D]; all ranks have the same queries. A search for
// up to k slots, or a read of them, finds in it what one of all ranks' slots with these options would. With probes
// there is one query at most, since the lists that it looks at are not those of another. `size` becomes the number of
// all ranks' slots.
store::MemoryStore search_on_ranks(Cluster& cluster, const store::MemoryStore& own, ConstView queries, Index k,
                                   const store::SearchOptions& options, Index& size);

}  // namespace kvmem
