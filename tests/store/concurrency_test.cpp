#include "kvmem/core/parallel.hpp"
#include "store/twin.hpp"

#include <oneapi/tbb/task_arena.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

// KVMEM_STORE_SECONDS=60 runs it longer.
static double seconds_wanted() {
    const char* text = std::getenv("KVMEM_STORE_SECONDS");
    return text ? std::atof(text) : 0.5;
}

// The writer moves groups of slots: all of a group have the same number in their keys, their values and their texts. A
// reader that saw half of a change would find two numbers in one group, or a group of another size.
TEST_CASE("readers see all of a change or nothing of it", "[store][threads]") {
    for (const KeyEncoding encoding : {KeyEncoding::float32, KeyEncoding::int8}) {
        constexpr Index groups = 12, size = 40, width = 16;
        MemoryStore store({.key_width = width, .value_width = 1, .encoding = encoding});
        const auto group = [&](Index g, Index number) {
            Matrix keys(size, width), values(size, 1);
            for (Index i = 0; i < size; ++i)
                keys(i, g) = static_cast<Real>(number), values(i, 0) = static_cast<Real>(number);
            store.upsert(keys, {values, std::vector<std::string>(size, std::to_string(number))},
                         ids_from(static_cast<Id>(g * size), size));
        };
        for (Index g = 0; g < groups; ++g) group(g, 1);

        std::atomic<bool> is_done = false;
        std::atomic<int> faults = 0;
        std::array<std::atomic<int>, 8> searches{};  // of each reader
        const auto read = [&](std::size_t reader) {
            Rng rng(reader);
            while (!is_done) {
                const Index g = rng.below(groups);
                Matrix query(2, width);
                query(0, g) = query(1, g) = 1;
                const Hits hits = store.search(query, size + 5);
                // Other groups score 0.
                const auto row = row_of(hits, static_cast<Index>(rng.below(2)));
                std::size_t same = 0;
                while (same < row.size() && row[same].score == row[0].score) ++same;
                const bool is_gone = !row.empty() && row[0].score == 0;
                if (!is_gone && (same != size || (row.size() > same && row[same].score != 0))) ++faults;
                const StoredSlots slots = store.get(ids_from(static_cast<Id>(g * size), size));
                for (std::size_t i = 0; i < size; ++i) {
                    if (slots.found[i] != slots.found[0]) ++faults;
                    if (slots.found[i] && (slots.texts[i] != slots.texts[0] ||
                                           slots.values(static_cast<Index>(i), 0) != slots.values(0, 0)))
                        ++faults;
                }
                ++searches[reader];
            }
        };
        std::vector<std::thread> readers;
        for (std::size_t i = 0; i < searches.size(); ++i) readers.emplace_back(read, i);
        Rng rng(99);
        const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds_wanted());
        // However long it takes: each of them has searched while something was changed.
        const auto all_have_searched = [&] {
            return std::all_of(searches.begin(), searches.end(), [](const auto& n) { return n >= 3; });
        };
        for (Index step = 2; std::chrono::steady_clock::now() < end || !all_have_searched(); ++step) {
            const Index g = rng.below(groups), what = rng.below(20);
            if (what == 0)
                store.compact();
            else if (what == 1)
                store.index({.lists = 4, .rounds = 1});
            else if (what < 5)
                store.remove(ids_from(static_cast<Id>(g * size), size));
            else
                group(g, step);
        }
        is_done = true;
        for (std::thread& reader : readers) reader.join();
        CHECK(faults == 0);
    }
}

// Each of them has loops of its own while it has locked the store.
TEST_CASE("tasks of one pool may change one store at once", "[store][threads]") {
    constexpr Index tasks = 24, size = 12000, width = 16;
    const ThreadLimit limit(4);
    const Matrix keys = normal(size, width, 1);
    MemoryStore store({.key_width = width, .encoding = KeyEncoding::int8});
    tbb::task_arena arena(4);
    arena.execute([&] {
        parallel_for(tasks, 1, [&](Index first, Index last) {
            for (Index task = first; task < last; ++task) {
                store.add(keys, {}, ids_from(static_cast<Id>(task * size), size));
                if (task % 8 == 0) store.index({.lists = 4, .rounds = 1});
            }
        });
    });
    CHECK(store.ids() == ids_from(0, tasks * size));
}
