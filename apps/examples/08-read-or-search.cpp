// The nearest neighbour answers with one slot; an attention read weighs all of them, softer as the temperature rises.
#include "kvmem/store/memory_store.hpp"

#include <iostream>

int main() {
    using namespace kvmem;
    // A function by its values at some places: f(x) = x * x at x = 0, 0.1, ... 1.
    Matrix keys(11, 1), values(11, 1);
    std::vector<store::Id> ids;
    for (Index i = 0; i <= 10; ++i) {
        keys(i, 0) = static_cast<Real>(i) / 10;
        values(i, 0) = keys(i, 0) * keys(i, 0);
        ids.push_back(static_cast<store::Id>(i));
    }
    store::MemoryStore memory({.key_width = 1, .value_width = 1, .metric = Similarity::euclidean});
    memory.add(keys, {.vectors = values}, ids);

    Matrix query(1, 1);
    query(0, 0) = 0.67f;
    const store::StoredSlots nearest = memory.get(memory.search(query, 1).ids_of(0));
    std::cout << "f(0.67) = 0.4489; the nearest slot says " << nearest.values(0, 0) << "\n";
    for (const Real temperature : {0.001f, 0.005f, 0.05f, 1.0f}) {
        const store::ReadResult read = memory.read(query, {.temperature = temperature});
        const store::ReadResult best = memory.read(query, {.top_k = 2, .temperature = temperature});
        std::cout << "temperature " << temperature << ": attention over all says " << read.values(0, 0)
                  << ", over the best two " << best.values(0, 0) << "\n";
    }
    return 0;
}
