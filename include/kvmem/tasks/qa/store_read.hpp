// Attention over a store as an operation on a tape, by which a trained network reads millions of slots.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/store/memory_store.hpp"

namespace kvmem {

// For a query [B, D] gives [B, E]: out[b] = the softmax over the top_k best slots of scale * score(query[b], slot),
// times their values. With search.probes, only some lists of an index are searched. The gradient goes to the query
// through the weights of the slots that were read, not to the store; it is that of exact attention when top_k covers
// the store. Value and gradient are of one snapshot, whatever changes the store meanwhile. The metric must be dot.
// Throws Error when shapes do not fit.
Var read_store(Var query, const store::MemoryStore& memory, Index top_k, Real scale = 1,
               const store::SearchOptions& search = {});

}  // namespace kvmem
