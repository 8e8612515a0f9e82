// A search changes nothing, so that a call without a use of its result is a mistake.
// expected: ignoring return value
#include "kvmem/store/memory_store.hpp"

void search(const kvmem::store::MemoryStore& store, std::span<const float> query) {
#ifdef KVMEM_FAULT
    store.search(query, 1);
#endif
    static_cast<void>(store.search(query, 1));
}
