// Searches among some slots only: by a set of ids, or by any rule. A search finds k of them, however few pass.
#include "kvmem/core/rng.hpp"
#include "kvmem/store/memory_store.hpp"

#include <iostream>

int main() {
    using namespace kvmem;
    Matrix keys(5000, 32);
    Rng rng(1);
    for (Real& x : keys.view().span()) x = static_cast<Real>(rng.normal());
    store::MemoryStore memory({.key_width = 32, .metric = Similarity::cosine});
    memory.add(keys);  // numbered from 0

    const std::span<const Real> query(keys.row(17), 32);
    const std::vector<store::Id> mine{17, 1700, 4711};
    const auto search = [&](const char* what, const store::SearchOptions& options) {
        std::cout << what << ":";
        const std::vector<store::Hit> hits = memory.search(query, 5, options);
        for (const auto [id, score] : hits) std::cout << " " << id << " (" << score << ")";
        std::cout << "\n";
        return hits.size();
    };
    const std::size_t all = search("everything", {}), few = search("a set of ids", {.among = mine});
    search("multiples of 1000", {.where = [](store::Id id) { return id % 1000 == 0; }});
    return all == 5 && few == 3 ? 0 : 1;
}
