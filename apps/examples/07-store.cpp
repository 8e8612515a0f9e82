// A store of vectors: add, search, remove, save, open again.
#include "kvmem/core/rng.hpp"
#include "kvmem/store/memory_store.hpp"

#include <iostream>

int main() {
    using namespace kvmem;
    Matrix keys(1000, 64);
    Rng rng(1);
    for (Real& x : keys.view().span()) x = static_cast<Real>(rng.normal());

    store::MemoryStore memory({.key_width = 64, .encoding = store::KeyEncoding::int8});
    memory.add(keys);  // numbered from 0
    const std::span<const Real> key(keys.row(7), 64);
    memory.add(5000, key);
    memory.remove(std::vector<store::Id>{7});
    memory.save("example-store.h5");

    const auto again = store::MemoryStore::open("example-store.h5", store::Access::map);
    for (const auto [id, score] : again.search(key, 3)) std::cout << "slot " << id << ", score " << score << "\n";

    const store::Hits hits = again.search(keys.view().middle_rows(5, 3), 3);  // three queries at once
    for (Index q = 0; q < 3; ++q) std::cout << "query " << q << ": slot " << hits[q][0].id << "\n";
    return hits[0][0].id == 5 && hits[1][0].id == 6 && hits[2][0].id == 5000 ? 0 : 1;
}
