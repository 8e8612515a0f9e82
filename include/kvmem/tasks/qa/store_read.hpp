// Reading a store by attention as an operation on a tape: how a trained network reads a memory of millions of slots.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/store/memory_store.hpp"

namespace kvmem {

// out[b] = the softmax over the top_k best slots of scale * score(query[b], slot), times their values: [B, E] of a
// query [B, D]. With search.probes the lists of an index are looked at instead of all slots. The store is not
// differentiated; the query is, through the weights of the slots that were read: what was read does not change with it,
// so the gradient is that of exact attention when top_k covers the store. The metric must be dot. What is changed in
// the store meanwhile does no harm: value and gradient are of one state. Throws Error when shapes do not fit.
Var read_store(Var query, const store::MemoryStore& memory, Index top_k, Real scale = 1,
               const store::SearchOptions& search = {});

}  // namespace kvmem
