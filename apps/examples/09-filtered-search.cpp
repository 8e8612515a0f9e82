// Searches among some slots only: by a set of ids, or by any rule. They find k of those, however few pass.
#include "kvmem/core/rng.hpp"
#include "kvmem/store/memory_store.hpp"

#include <iostream>
#include <numeric>

int main() {
    using namespace kvmem;
    Matrix keys(5000, 32);
    Rng rng(1);
    for (Real& x : keys.view().span()) x = static_cast<Real>(rng.normal());
    std::vector<store::Id> ids(5000), mine{17, 1700, 4711};
    std::iota(ids.begin(), ids.end(), 0);
    store::MemoryStore memory({.key_width = 32, .metric = Similarity::cosine});
    memory.add(keys, {}, ids);

    const ConstView query = keys.view().middle_rows(17, 1);
    const auto print = [](const char* what, const store::Hits& hits) {
        std::cout << what << ":";
        for (const store::Id id : hits.ids_of(0)) std::cout << " " << id;
        std::cout << "\n";
    };
    print("everything", memory.search(query, 5));
    print("a set of ids", memory.search(query, 5, {.among = mine}));
    print("multiples of 1000", memory.search(query, 5, {.where = [](store::Id id) { return id % 1000 == 0; }}));
    return memory.search(query, 5, {.among = mine}).count[0] == 3 ? 0 : 1;
}
