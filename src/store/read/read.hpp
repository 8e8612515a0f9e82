// Attention over one snapshot of a store.
#pragma once

#include "store/snapshot.hpp"

namespace kvmem::store {

// MemoryStore::read. Throws Error when queries or options do not fit.
ReadResult read(const Snapshot& snapshot, ConstView queries, const ReadOptions& options);

}  // namespace kvmem::store
