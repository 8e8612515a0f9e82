// A search answers with the nearest slot; attention weighs all slots, more evenly as the temperature rises.
#include "kvmem/store/memory_store.hpp"

#include <iostream>

int main() {
    using namespace kvmem;
    // A function by its values at some points: f(x) = x * x at x = 0, 0.1, ... 1.
    store::MemoryStore memory({.key_width = 1, .value_width = 1, .metric = Similarity::euclidean});
    for (store::Id i = 0; i <= 10; ++i) {
        const Real x = static_cast<Real>(i) / 10, y = x * x;
        memory.add(i, {&x, 1}, {&y, 1});
    }

    Matrix query(1, 1);
    query(0, 0) = 0.67f;
    const store::Hits nearest = memory.search(query, 1);
    std::cout << "f(0.67) = 0.4489; the nearest slot says " << memory.get(nearest.ids_of(0)).values(0, 0) << "\n";
    for (const Real temperature : {0.001f, 0.005f, 0.05f, 1.0f}) {
        const store::ReadResult all = memory.read(query, {.temperature = temperature});
        const store::ReadResult best = memory.read(query, {.top_k = 2, .temperature = temperature});
        std::cout << "temperature " << temperature << ": attention over all says " << all.values(0, 0)
                  << ", over the best two " << best.values(0, 0) << "\n";
    }
    return 0;
}
