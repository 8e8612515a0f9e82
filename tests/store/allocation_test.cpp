// What becomes of a store with a file when memory runs out in the middle of a change.
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "store/twin.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <functional>
#include <new>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace fs = std::filesystem;

// Allocations of this thread that still succeed; -1: all of them.
static thread_local long allocations_left = -1;

namespace kvmem::test {
thread_local std::size_t allocated_bytes = 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (allocations_left == 0) throw std::bad_alloc();
    if (allocations_left > 0) --allocations_left;
    kvmem::test::allocated_bytes += size;
    if (void* bytes = std::malloc(size > 0 ? size : 1)) return bytes;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* bytes) noexcept { std::free(bytes); }
[[gnu::noinline]] void operator delete(void* bytes, std::size_t) noexcept { std::free(bytes); }

namespace {

// Whether memory was enough.
bool run_with_memory(long allocations, const std::function<void()>& action) {
    allocations_left = allocations;
    try {
        action();
    } catch (const std::bad_alloc&) {
        allocations_left = -1;
        return false;
    }
    allocations_left = -1;
    return true;
}

}  // namespace

TEST_CASE("when memory runs out in a change, the store and its log are still the same", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5", log = path.string() + ".log";
    const Matrix keys = normal(40, 4, 1), values = normal(40, 2, 2);
    const std::vector<std::string> texts(40, "a text that is long enough to need room of its own");
    {
        MemoryStore store = MemoryStore::create(path, {.key_width = 4, .value_width = 2});
        store.add(keys, {values, texts}, ids_from(0, 40));
    }
    const std::string old_log = read_file(log);
    const std::function<void(MemoryStore&)> changes[] = {
        [&](MemoryStore& store) {
            store.add(keys, {values, texts}, ids_from(100, 40));
        },
        [&](MemoryStore& store) {
            store.upsert(keys, {values, texts}, ids_from(20, 40));
        },
        [&](MemoryStore& store) { store.remove(ids_from(10, 15)); },
    };
    for (const auto& change : changes)
        for (long allocations = 0, is_done = 0; !is_done; ++allocations) {
            CAPTURE(allocations);
            replace_file(log, old_log);
            MemoryStore store = MemoryStore::open(path);
            const std::uint64_t version = store.version();
            is_done = run_with_memory(allocations, [&] { change(store); });
            REQUIRE(store.version() == version + (is_done ? 1 : 0));
            const MemoryStore again = MemoryStore::open(path, Access::map);
            REQUIRE(again.version() == store.version());
            REQUIRE(again.ids() == store.ids());
            REQUIRE(allocations < 1000);
            // What comes next goes well, and is in the log.
            store.add(keys, {values}, ids_from(1000, 40));
            REQUIRE(MemoryStore::open(path, Access::map).ids() == store.ids());
        }
}
