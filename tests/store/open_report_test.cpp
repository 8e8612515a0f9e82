// What open() finds beside the slots, and stores of which only some shards are opened.
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "store/twin.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace fs = std::filesystem;

namespace {

constexpr Index width = 8;
const StoreOptions of_width{.key_width = width};

void fill(MemoryStore& store, Id first, Index count) {
    store.add(normal(count, width, first + 1), {}, ids_from(first, count));
}

struct ReportFiles {
    TemporaryDirectory directory;
    fs::path one = directory.path() / "one.h5", manifest = directory.path() / "all.json";
    fs::path log(const fs::path& store) const { return store.string() + ".log"; }
};

const OpenReport& no_report() {
    static const OpenReport none;
    return none;
}

bool lacks_log(const fs::path& path) { return MemoryStore::open(path, Access::map).report().lacks_log; }

}  // namespace

TEST_CASE("a store that was moved without its log says so", "[store]") {
    const ReportFiles files;
    for (const Index shards : {0, 3}) {
        const fs::path path = shards > 0 ? files.manifest : files.one;
        {
            MemoryStore store = MemoryStore::create(path, of_width, shards);
            fill(store, 0, 20);
            CHECK_FALSE(store.report().lacks_log);
        }
        CHECK_FALSE(lacks_log(path));
        const std::string log = read_file(files.log(path));
        fs::remove(files.log(path));
        CHECK(lacks_log(path));
        CHECK(MemoryStore::open(path, Access::map).size() == 0);
        replace_file(files.log(path), log);
        {
            MemoryStore store = MemoryStore::open(path);
            CHECK(store.size() == 20);
            CHECK_FALSE(store.report().lacks_log);
            store.compact();
        }
        fs::remove(files.log(path));
        CHECK(lacks_log(path));
        // The next writer begins a log, and a copy that was never written to has none.
        CHECK(MemoryStore::open(path).report().lacks_log);
        CHECK_FALSE(lacks_log(path));
        MemoryStore::open(path, Access::map).save(files.directory / "copy.h5");
        CHECK_FALSE(lacks_log(files.directory / "copy.h5"));
        for (const fs::path& shard : MemoryStore::peek(path).shards) CHECK_FALSE(lacks_log(shard));
    }
    CHECK_FALSE(MemoryStore(of_width).report().lacks_log);
}

TEST_CASE("an index whose shards were not all written says that its lists are lost", "[store][shards]") {
    const ReportFiles files;
    {
        MemoryStore store = MemoryStore::create(files.manifest, of_width, 3);
        fill(store, 0, 400);
        store.index({.lists = 4});
    }
    const auto shards = MemoryStore::peek(files.manifest).shards;
    std::vector<std::pair<fs::path, std::string>> old;
    for (const fs::path& file : {shards[1], shards[2], files.manifest, files.log(files.manifest)})
        old.emplace_back(file, read_file(file));
    CHECK_FALSE(MemoryStore::open(files.manifest, Access::map).report().lost_lists);
    MemoryStore::open(files.manifest).index({.lists = 6});
    for (const auto& [file, bytes] : old) replace_file(file, bytes);
    const MemoryStore half = MemoryStore::open(files.manifest, Access::map);
    CHECK(half.report().lost_lists);
    CHECK(half.lists() == 0);
    CHECK(half.size() == 400);
    MemoryStore::open(files.manifest).index({.lists = 6});
    CHECK_FALSE(MemoryStore::open(files.manifest, Access::map).report().lost_lists);
    CHECK(MemoryStore::open(files.manifest, Access::map).lists() == 6);
}

TEST_CASE("a shard that is opened by itself says which one it is, and a store made anew is another",
          "[store][shards]") {
    const ReportFiles files;
    const auto shard = [&](std::size_t i) {
        return MemoryStore::open(MemoryStore::peek(files.manifest).shards.at(i), Access::map).report().shard;
    };
    std::vector<std::uint64_t> sets;
    for (int round = 0; round < 2; ++round) {
        {
            MemoryStore store = MemoryStore::create(files.manifest, of_width, 2);
            fill(store, 0, 50);
            store.compact();
        }
        REQUIRE(shard(0).has_value());
        CHECK(shard(1)->number == 1);
        CHECK(shard(1)->count == 2);
        CHECK(shard(0)->set == shard(1)->set);
        const std::uint64_t before = shard(0)->set;
        MemoryStore::open(files.manifest).compact();
        CHECK(shard(0)->set == before);
        sets.push_back(before);
        CHECK_FALSE(MemoryStore::open(files.manifest, Access::map).report().shard.has_value());
        for (const fs::path& file : MemoryStore::peek(files.manifest).shards) fs::remove(file);
        fs::remove(files.manifest);
        fs::remove(files.log(files.manifest));
    }
    CHECK(sets[0] != sets[1]);
    MemoryStore::create(files.one, of_width);
    CHECK(MemoryStore::open(files.one, Access::map).report().shard == no_report().shard);
}

TEST_CASE("some shards of a store have their slots alone, with the changes of the log", "[store][shards]") {
    const ReportFiles files;
    MemoryStore store = MemoryStore::create(files.manifest, {.key_width = width, .value_width = 2}, 4);
    const auto add = [&](Id first, Index count, bool replaces) {
        const Matrix keys = normal(count, width, first + 1), values = normal(count, 2, first + 2);
        std::vector<std::string> texts;
        for (Index i = 0; i < count; ++i) texts.push_back("slot " + std::to_string(first + static_cast<Id>(i)));
        if (replaces)
            store.upsert(keys, {values, texts}, ids_from(first, count));
        else
            store.add(keys, {values, texts}, ids_from(first, count));
    };
    add(0, 300, false);
    store.index({.lists = 3});
    add(250, 100, true);
    store.remove(ids_from(20, 90));
    store.remove(ids_from(5, 1));  // of one shard
    store.sync();
    for (const auto& [first, last] : {std::pair<Index, Index>{0, 4}, {0, 2}, {1, 2}, {2, 4}, {3, 3}}) {
        const MemoryStore part = MemoryStore::open_shards(files.manifest, first, last);
        std::vector<Id> expected;
        for (const Id id : store.ids())
            if (first <= shard_of(id, 4) && shard_of(id, 4) < last) expected.push_back(id);
        REQUIRE(part.ids() == expected);
        CHECK(part.version() == store.version());
        const StoredSlots mine = part.get(expected), all = store.get(expected);
        CHECK(same_bits(mine.keys, all.keys));
        CHECK(same_bits(mine.values, all.values));
        CHECK(mine.texts == all.texts);
        CHECK_THROWS_AS(MemoryStore(MemoryStore::open_shards(files.manifest, first, last)).compact(), Error);
    }
    for (const auto& [first, last] : {std::pair<Index, Index>{-1, 2}, {2, 1}, {0, 5}})
        CHECK_THROWS_AS(MemoryStore::open_shards(files.manifest, first, last), UsageError);
    // What other machines have need not be here.
    fs::remove(MemoryStore::peek(files.manifest).shards[3]);
    CHECK(MemoryStore::open_shards(files.manifest, 0, 3).size() > 0);
    MemoryStore::create(files.one, of_width);
    CHECK_THROWS_AS(MemoryStore::open_shards(files.one, 0, 0), UsageError);
    CHECK_THROWS_AS(MemoryStore::open_shards(files.manifest, 2, 4), Error);
}
