// Attention over one state of a store.
#pragma once

#include "store/state.hpp"

namespace kvmem::store {

// Throws Error when queries or options do not fit.
ReadResult read(const State& state, ConstView queries, const ReadOptions& options);

}  // namespace kvmem::store
