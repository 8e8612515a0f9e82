// The ids of hits point into them, so that those of a temporary would dangle.
// expected: deleted
#include "kvmem/store/memory_store.hpp"

kvmem::store::Id first(const kvmem::store::MemoryStore& store, kvmem::ConstView queries) {
    const kvmem::store::Hits hits = store.search(queries, 1);
#ifdef KVMEM_FAULT
    for (auto id : store.search(queries, 1).ids_of(0)) return id;
#endif
    return hits.ids_of(0)[0];
}
