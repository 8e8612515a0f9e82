// The hits of one query are a view of all hits, so that those of a temporary would dangle.
// expected: deleted
#include "kvmem/store/memory_store.hpp"

kvmem::store::Id first(const kvmem::store::MemoryStore& store, kvmem::ConstView queries) {
    const kvmem::store::Hits hits = store.search(queries, 1);
#ifdef KVMEM_FAULT
    for (auto [id, score] : store.search(queries, 1)[0]) return id;
#endif
    for (auto [id, score] : hits[0]) return id;
    return 0;
}
