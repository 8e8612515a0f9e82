// The ids that a store gives by itself.
#include "kvmem/core/error.hpp"
#include "store/twin.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;
namespace fs = std::filesystem;

static constexpr Id largest = ~Id{0};

TEST_CASE("slots are numbered from the largest id that a store ever had", "[store]") {
    MemoryStore store({.key_width = 4, .value_width = 2});
    const Matrix keys = normal(3, 4, 1), values = normal(3, 2, 2);
    CHECK(store.add(keys, {values}) == 0);
    CHECK(store.add(keys, {values}) == 3);
    CHECK(store.ids() == ids_from(0, 6));
    store.add(keys, {values}, std::vector<Id>{100, 7, 50});
    CHECK(store.add(keys, {values}) == 101);
    store.upsert(keys, {values}, std::vector<Id>{2, 200, 0});
    CHECK(store.add(keys, {values}) == 201);
    store.remove(store.ids());
    store.compact();
    CHECK(store.add(Matrix(0, 4), {}) == 204);
    CHECK_THROWS_AS(store.add(normal(3, 5, 1), {values}), Error);
    CHECK_THROWS_AS(store.add(keys), Error);
    CHECK(store.add(keys, {values}) == 204);
    CHECK(same_bits(store.get(ids_from(204, 3)).keys, keys));
    CHECK(same_bits(store.get(ids_from(204, 3)).values, values));
}

TEST_CASE("slots are numbered no further than ids go", "[store]") {
    const Matrix keys = normal(2, 4, 1);
    for (const Id last : {largest - 2, largest - 1, largest}) {
        MemoryStore store({.key_width = 4});
        store.add(keys, {}, std::vector<Id>{5, last});
        CHECK_THROWS_WITH(store.add(keys), Catch::Contains("no ids are left"));
        CHECK(store.size() == 2);
        CHECK(store.contains(last));
        CHECK_THROWS_WITH(store.add(keys, {}, std::vector<Id>{6, last}), Catch::Contains("in the store already"));
        CHECK(store.remove(std::vector<Id>{last}) == 1);
    }
}

TEST_CASE("numbers of removed slots do not come back when a store is opened again", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5", copy = directory.path() / "copy.h5";
    const Matrix keys = normal(4, 4, 1);
    const std::vector<Id> last{3};
    {
        MemoryStore store = MemoryStore::create(path, {.key_width = 4});
        CHECK(store.add(keys) == 0);
        store.remove(last);
    }
    {
        MemoryStore store = MemoryStore::open(path);
        store.save(copy);
        CHECK(store.add(keys) == 4);  // from the log
        store.remove(store.ids());
        store.compact();
    }
    CHECK(MemoryStore::open(path).add(keys) == 8);  // from the file
    CHECK(MemoryStore::open(copy).add(keys) == 4);
}

TEST_CASE("a file from before stores numbered slots continues after its largest id", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path copy = directory.path() / "golden";
    fs::copy(fs::path(KVMEM_SOURCE_DIR) / "tests/golden/0.1", copy);
    MemoryStore store = MemoryStore::open(copy / "store.h5");
    const Id last = store.ids().back();
    CHECK(store.add(normal(1, 6, 1), {normal(1, 3, 1)}) == last + 1);
}

TEST_CASE("threads that add slots get ids of their own", "[store][threads]") {
    MemoryStore store({.key_width = 1});
    const auto add = [&](Real number) {
        Matrix keys(5, 1);
        keys.fill(number);
        for (int i = 0; i < 50; ++i) {
            const Id first = store.add(keys);
            if (!same_bits(store.get(ids_from(first, 5)).keys, keys)) store.remove(ids_from(first, 1));
        }
    };
    std::thread other(add, 2.0f);
    add(1);
    other.join();
    CHECK(store.ids() == ids_from(0, 500));
}
