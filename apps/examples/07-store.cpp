// A store of vectors: add, search, remove, save, open again.
#include "kvmem/core/rng.hpp"
#include "kvmem/store/memory_store.hpp"

#include <iostream>
#include <numeric>

int main() {
    kvmem::Matrix keys(1000, 64);
    kvmem::Rng rng(1);
    for (float& x : keys.view().span()) x = static_cast<float>(rng.normal());
    std::vector<kvmem::store::Id> ids(1000);
    std::iota(ids.begin(), ids.end(), 100);

    kvmem::store::MemoryStore store({.key_width = 64, .encoding = kvmem::store::KeyEncoding::int8});
    store.add(keys, {}, ids);
    store.remove(std::vector<kvmem::store::Id>{107});
    store.save("example-store.h5");

    const auto again = kvmem::store::MemoryStore::open("example-store.h5", kvmem::store::Access::map);
    const auto hits = again.search(keys.view().middle_rows(5, 2), 3);  // slots 105 and 106
    for (kvmem::Index q = 0; q < 2; ++q)
        for (std::size_t i = 0; i < 3; ++i)
            std::cout << "query " << q << ": slot " << hits.ids_of(q)[i] << ", score " << hits.scores_of(q)[i] << "\n";
    return hits.ids[0] == 105 && hits.ids[3] == 106 && !again.contains(107) ? 0 : 1;
}
