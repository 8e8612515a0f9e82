// Searches while another thread writes: each sees one snapshot of the store, before a change or after it.
#include "kvmem/store/memory_store.hpp"

#include <atomic>
#include <iostream>
#include <thread>

int main() {
    using namespace kvmem;
    // Ten slots that always hold the same number.
    store::MemoryStore memory({.key_width = 1});
    const std::vector<store::Id> ids{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    const auto write = [&](Real number) {
        Matrix keys(10, 1);
        keys.fill(number);
        memory.upsert(keys, {}, ids);
    };
    write(1);

    std::atomic<bool> is_done = false;
    Index searches = 0, mixed = 0;
    std::thread reader([&] {
        const Real query[] = {1};
        for (; !is_done; ++searches) {
            const std::vector<store::Hit> hits = memory.search(query, 10);
            mixed += hits.size() != 10 || hits.front().score != hits.back().score;
        }
    });
    for (int number = 2; number < 500; ++number) write(static_cast<Real>(number));
    is_done = true;
    reader.join();
    std::cout << searches << " searches beside 498 changes, " << mixed << " of them mixed\n";
    return mixed == 0 ? 0 : 1;
}
