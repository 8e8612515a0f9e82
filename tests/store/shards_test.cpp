#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "store/log_checksums.hpp"
#include "store/twin.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <functional>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr Index width = 12, value_width = 6;

StoreOptions options_with(Similarity metric, KeyEncoding encoding) {
    return {.key_width = width, .value_width = value_width, .metric = metric, .encoding = encoding};
}

void put(MemoryStore& store, Id first, Index count, bool replaces = false) {
    const Matrix keys = normal(count, width, first + 1), values = normal(count, value_width, first + 2);
    std::vector<std::string> texts;
    for (Index i = 0; i < count; ++i) texts.push_back(i % 2 == 0 ? "" : "slot " + std::to_string(first + i));
    const std::vector<Id> ids = ids_from(first, count);
    if (replaces)
        store.upsert(keys, {values, texts}, ids);
    else
        store.add(keys, {values, texts}, ids);
}

void change(MemoryStore& store) {
    put(store, 0, 900);
    store.remove(ids_from(100, 70));
    store.index({.lists = 9});
    put(store, 850, 200, true);
    store.remove(ids_from(3, 5));
}

void check_same(const Hits& a, const Hits& b) {
    CHECK(a.ids == b.ids);
    CHECK(a.scores == b.scores);
    CHECK(a.count == b.count);
}

void check_same(const ReadResult& a, const ReadResult& b) {
    CHECK(same_bits(a.values, b.values));
    CHECK(same_bits(a.log_sum_exp, b.log_sum_exp));
    CHECK(a.weights == b.weights);
    check_same(a.hits, b.hits);
}

void check_same_slots(const MemoryStore& a, const MemoryStore& b) {
    CHECK(a.options() == b.options());
    CHECK(a.version() == b.version());
    REQUIRE(a.ids() == b.ids());
    const StoredSlots x = a.get(a.ids()), y = b.get(b.ids());
    CHECK(same_bits(x.keys, y.keys));
    CHECK(same_bits(x.values, y.values));
    CHECK(x.texts == y.texts);
}

std::vector<SearchOptions> searches() {
    static const std::vector<Id> few{1, 5, 301, 899, 7000};
    return {{}, {.among = few}, {.where = [](Id id) { return id % 3 == 0; }}, {.probes = 2}};
}

void check_same(const MemoryStore& a, const MemoryStore& b) {
    check_same_slots(a, b);
    const Matrix queries = normal(5, width, 77);
    for (const SearchOptions& search : searches()) {
        check_same(a.search(queries, 20, search), b.search(queries, 20, search));
        const Neighbourhood x = a.search_within(queries, -9, search), y = b.search_within(queries, -9, search);
        CHECK(x.ids == y.ids);
        CHECK(x.scores == y.scores);
        check_same(a.read(queries, {.top_k = 7, .search = search}), b.read(queries, {.top_k = 7, .search = search}));
        if (search.probes == 0)
            check_same(a.read(queries, {.search = search, .exact_sums = true}),
                       b.read(queries, {.search = search, .exact_sums = true}));
    }
    if (a.options().metric == Similarity::dot)
        check_same(a.read(queries, {.temperature = 0.3f, .heads = 3, .exact_sums = true}),
                   b.read(queries, {.temperature = 0.3f, .heads = 3, .exact_sums = true}));
}

struct Files {
    TemporaryDirectory directory;
    fs::path path = directory.path() / "front.json";
    fs::path shard(Index i) const { return MemoryStore::peek(path).shards.at(static_cast<std::size_t>(i)); }
};

// Writes a manifest with right checksum whatever else it says.
void forge(const fs::path& path, const std::function<void(json::object&)>& edit) {
    json::object manifest = json::parse(read_file(path)).as_object();
    manifest.erase("checksum");
    edit(manifest);
    const std::string text = json::serialize(manifest);
    manifest["checksum"] = std::to_string(XXH3_64bits(text.data(), text.size()));
    replace_file(path, json::serialize(manifest));
}

std::string error_of(const fs::path& path) {
    for (const Access access : {Access::load, Access::map}) try {
            (void)MemoryStore::open(path, access);
            return "none";
        } catch (const Error& e) {
            if (access == Access::map) return e.what();
        }
    return "";
}

}  // namespace

TEST_CASE("a store in shards gives the same bits as one store", "[store][shards]") {
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean})
        for (const KeyEncoding encoding : {KeyEncoding::float32, KeyEncoding::bfloat16, KeyEncoding::int8}) {
            MemoryStore one(options_with(metric, encoding)), compacted(one.options());
            for (MemoryStore* store : {&one, &compacted}) change(*store);
            compacted.compact();
            for (const Index shards : {1, 2, 3, 8}) {
                CAPTURE(static_cast<int>(metric), static_cast<int>(encoding), shards);
                const Files files;
                {
                    MemoryStore store = MemoryStore::create(files.path, one.options(), shards);
                    change(store);
                    check_same(one, store);
                    store.sync();
                }
                for (const Access access : {Access::load, Access::map})
                    check_same(one, MemoryStore::open(files.path, access));
                MemoryStore store = MemoryStore::open(files.path);
                store.compact();
                CHECK(store.unindexed() == 0);
                CHECK(store.lists() == 9);
                check_same(compacted, store);
                check_same(compacted, MemoryStore::open(files.path, Access::map));
                CHECK(store.add(normal(2, width, 1), {normal(2, value_width, 1)}) == 1050);
            }
        }
}

TEST_CASE("shards hold the slots that shard_of says, and each is a store", "[store][shards]") {
    const Files files;
    MemoryStore store = MemoryStore::create(files.path, options_with(Similarity::dot, KeyEncoding::int8), 3);
    change(store);
    store.compact();
    const StoreInfo info = MemoryStore::peek(files.path);
    CHECK(info.slots == store.size());
    CHECK(info.lists == 9);
    REQUIRE(info.shards.size() == 3);
    Index slots = 0;
    for (Index i = 0; i < 3; ++i) {
        const MemoryStore shard = MemoryStore::open(files.shard(i), Access::map);
        slots += shard.size();
        CHECK(shard.size() > store.size() / 4);
        for (const Id id : shard.ids()) CHECK(shard_of(id, 3) == i);
    }
    CHECK(slots == store.size());
    CHECK(shard_of(0, 8) == 7);  // as files have it
    CHECK(shard_of(~Id{0}, 8) == shard_of(~Id{0}, 8));
    const fs::path alone = files.directory.path() / "alone.h5";
    store.save(alone);
    check_same(store, MemoryStore::open(alone, Access::map));
}

TEST_CASE("exact sums of a read do not depend on where slots lie, nor on threads or the batch", "[store][shards]") {
    const ReadOptions exact{.exact_sums = true};
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean}) {
        const Matrix keys = normal(3000, width, 1), values = normal(3000, value_width, 2),
                     queries = normal(40, width, 3);
        MemoryStore one(options_with(metric, KeyEncoding::int8)), other(one.options());
        one.add(keys, {values}, ids_from(0, 3000));
        for (Index i = 3000; i-- > 0;)
            other.add(static_cast<Id>(i), {keys.row(i), width}, {values.row(i), value_width});
        const ReadResult all = one.read(queries, exact);
        check_same(all, other.read(queries, exact));
        other.index({.lists = 20});
        const ThreadLimit limit(1);
        check_same(all, other.read(queries, exact));
        for (Index q = 0; q < 40; q += 13) {
            const ReadResult alone = other.read(queries.view().middle_rows(q, 1), exact);
            CHECK(std::equal(alone.values.row(0), alone.values.row(0) + value_width, all.values.row(q)));
            CHECK(alone.log_sum_exp(0, 0) == all.log_sum_exp(q, 0));
        }
    }
}

TEST_CASE("exact sums are right for columns and slots of any size", "[store][shards]") {
    MemoryStore store({.key_width = 1, .value_width = 3});
    const auto add = [&](Id id, float key, float a, float b, float c) {
        const std::array<float, 3> value{a, b, c};
        store.add(id, {&key, 1}, {value.data(), 3});
    };
    add(1, 0, 1e18f, 1, -1e-30f);
    add(2, 0, 3e18f, 2, -3e-30f);
    add(3, -36, 0, 1e17f, 0);  // its weight is 2.3e-16
    Matrix query(1, 1);
    query(0, 0) = 1;
    const ReadResult read = store.read(query, {.exact_sums = true});
    CHECK(read.values(0, 0) == Approx(2e18).epsilon(1e-6));
    CHECK(read.values(0, 1) == Approx(1.5 + std::exp(-36) / 2 * 1e17).epsilon(1e-6));
    CHECK(read.values(0, 2) == Approx(-2e-30).epsilon(1e-6).margin(0));
    CHECK(read.log_sum_exp(0, 0) == Approx(std::log(2)));
}

TEST_CASE("a shard that is missing, damaged, swapped or changed by itself is named", "[store][shards]") {
    const Files files;
    {
        MemoryStore store = MemoryStore::create(files.path, options_with(Similarity::dot, KeyEncoding::float32), 3);
        change(store);
        store.compact();
        put(store, 5000, 40);
        store.sync();
    }
    const MemoryStore before = MemoryStore::open(files.path, Access::map);
    const fs::path shard = files.shard(1), other = files.shard(2), aside = files.directory.path() / "aside";
    const std::string bytes = read_file(shard);
    const auto check_named = [&](const std::string& what) {
        CAPTURE(what);
        const std::string error = error_of(files.path);
        CAPTURE(error);
        CHECK(error.find(shard.filename().string()) != std::string::npos);
        CHECK(error.find(what) != std::string::npos);
        replace_file(shard, bytes);
        check_same_slots(before, MemoryStore::open(files.path, Access::map));
    };
    fs::remove(shard);
    check_named("");
    replace_file(shard, bytes.substr(0, bytes.size() / 2));
    check_named("");
    std::string damaged = bytes;
    damaged[damaged.size() / 2] ^= 1;  // of the keys, which a mapped file does not check
    replace_file(shard, damaged);
    CHECK_THROWS_AS(MemoryStore::open(files.path), Error);
    replace_file(shard, bytes);
    replace_file(shard, read_file(other));
    check_named("not the one that the manifest names");
    MemoryStore(options_with(Similarity::cosine, KeyEncoding::float32)).save(shard);
    check_named("does not fit its store");
    {
        MemoryStore alone = MemoryStore::open(shard);
        put(alone, 90000, 1);
    }
    fs::rename(shard.string() + ".log", aside);
    fs::copy(aside, shard.string() + ".log");
    const std::string error = error_of(files.path);
    CHECK(error.find("changed by itself") != std::string::npos);
    CHECK(error.find(shard.filename().string()) != std::string::npos);
    fs::remove(shard.string() + ".log");
    check_same_slots(before, MemoryStore::open(files.path));
}

TEST_CASE("a checkpoint that ends between two shards loses nothing", "[store][shards]") {
    const StoreOptions options = options_with(Similarity::euclidean, KeyEncoding::int8);
    for (const bool indexes : {false, true})
        for (Index written = 0; written <= 4; ++written) {
            CAPTURE(indexes, written);
            const Files files;
            MemoryStore twin(options);
            std::vector<std::pair<fs::path, std::string>> old;
            std::string last_log;
            {
                MemoryStore store = MemoryStore::create(files.path, options, 4);
                for (MemoryStore* s : {&twin, &store}) {
                    put(*s, 0, 300);
                    s->index({.lists = 3});
                    put(*s, 200, 300, true);
                    s->remove(ids_from(50, 250));
                    put(*s, 60, 20);
                }
                const StoreInfo info = MemoryStore::peek(files.path);
                for (const fs::path& shard : info.shards) old.emplace_back(shard, read_file(shard));
                old.emplace_back(files.path, read_file(files.path));
                old.emplace_back(files.path.string() + ".log", read_file(files.path.string() + ".log"));
                if (indexes)
                    store.index({.lists = 5});
                else
                    store.compact();
            }
            // The first shards are new, and all else is what it was.
            for (std::size_t i = static_cast<std::size_t>(written); i < old.size(); ++i)
                replace_file(old[i].first, old[i].second);
            check_same_slots(twin, MemoryStore::open(files.path, Access::map));
            {
                MemoryStore store = MemoryStore::open(files.path);
                for (MemoryStore* s : {&twin, &store}) put(*s, 1000, 10);
                check_same_slots(twin, store);
            }
            MemoryStore store = MemoryStore::open(files.path);
            check_same_slots(twin, store);
            store.compact();
            const Matrix queries = normal(5, width, 77);
            check_same(twin.search(queries, 9), MemoryStore::open(files.path, Access::map).search(queries, 9));
            check_same(twin.read(queries, {.exact_sums = true}), store.read(queries));
        }
}

TEST_CASE("a manifest that was renamed writes its own shards, not those of a store that has its new name",
          "[store][shards]") {
    const Files files;
    const StoreOptions options = options_with(Similarity::dot, KeyEncoding::int8);
    const fs::path old = files.directory.path() / "b.json", renamed = files.directory.path() / "front.kv";
    MemoryStore twin(options), other(options);
    {
        MemoryStore neighbour = MemoryStore::create(files.path, options, 4);
        MemoryStore store = MemoryStore::create(old, options, 4);
        for (MemoryStore* s : {&other, &neighbour}) put(*s, 7000, 60);
        for (MemoryStore* s : {&twin, &store}) change(*s);
        neighbour.compact();
    }
    fs::rename(old, renamed);
    fs::rename(old.string() + ".log", renamed.string() + ".log");
    const auto count = std::distance(fs::directory_iterator(files.directory.path()), {});
    {
        MemoryStore store = MemoryStore::open(renamed);
        for (MemoryStore* s : {&twin, &store}) {
            put(*s, 20, 300, true);
            s->index({.lists = 5});
        }
    }
    check_same_slots(twin, MemoryStore::open(renamed, Access::map));
    check_same_slots(other, MemoryStore::open(files.path));
    CHECK(MemoryStore::peek(renamed).shards[3].filename() == "b.3-of-4.h5");
    CHECK(std::distance(fs::directory_iterator(files.directory.path()), {}) == count);
}

TEST_CASE("a link to a manifest is the store behind it, with its log and its shards", "[store][shards]") {
    const Files files;
    const TemporaryDirectory elsewhere;
    const StoreOptions options = options_with(Similarity::dot, KeyEncoding::int8);
    const fs::path far = elsewhere.path() / "far.json", near = files.directory.path() / "near.json";
    fs::create_symlink(files.path, far);
    fs::create_symlink("front.json", near);
    MemoryStore twin(options);
    {
        MemoryStore store = MemoryStore::create(far, options, 2);
        for (MemoryStore* s : {&twin, &store}) put(*s, 0, 200);
    }
    CHECK(fs::is_symlink(far));
    for (const fs::path& link : {far, near}) {
        MemoryStore store = MemoryStore::open(link);
        check_same_slots(twin, store);
        CHECK_THROWS_AS(MemoryStore::open(files.path), Error);  // one lock
        for (MemoryStore* s : {&twin, &store}) {
            put(*s, 100, 150, true);
            s->compact();
            s->remove(ids_from(0, 50));
        }
    }
    for (const fs::path& path : {files.path, far, near}) check_same_slots(twin, MemoryStore::open(path, Access::map));
    CHECK(MemoryStore::peek(far).shards[1] == files.shard(1));
    CHECK(std::distance(fs::directory_iterator(elsewhere.path()), {}) == 1);
    CHECK(std::distance(fs::directory_iterator(files.directory.path()), {}) == 5);  // with the log and the link
}

TEST_CASE("a checkpoint that fails at a shard changes nothing, and the store goes on", "[store][shards]") {
    const Files files;
    const StoreOptions options = options_with(Similarity::dot, KeyEncoding::int8);
    MemoryStore twin(options);
    {
        MemoryStore store = MemoryStore::create(files.path, options, 3);
        for (MemoryStore* s : {&twin, &store}) put(*s, 0, 200);
        store.compact();
        for (MemoryStore* s : {&twin, &store}) s->remove(ids_from(0, 50));
        const fs::path shard = files.shard(1), aside = files.directory.path() / "aside";
        fs::rename(shard, aside);
        fs::create_directory(shard);
        CHECK_THROWS_AS(store.compact(), Error);
        fs::remove(shard);
        fs::rename(aside, shard);
        check_same_slots(twin, store);
        for (MemoryStore* s : {&twin, &store}) put(*s, 0, 20);
    }
    check_same_slots(twin, MemoryStore::open(files.path, Access::map));
    MemoryStore store = MemoryStore::open(files.path);
    check_same_slots(twin, store);
    store.compact();
    check_same_slots(twin, MemoryStore::open(files.path, Access::map));
}

TEST_CASE("a manifest that kvmem did not write is refused", "[store][shards]") {
    const Files files;
    {
        MemoryStore store = MemoryStore::create(files.path, options_with(Similarity::dot, KeyEncoding::int8), 2);
        put(store, 0, 20);
        store.compact();
    }
    const std::string right = read_file(files.path);
    for (std::size_t i = 0; i < right.size() - 1; i += 3) {
        std::string damaged = right;
        damaged[i] ^= 2;
        replace_file(files.path, damaged);
        CAPTURE(i);
        CHECK_THROWS_AS(MemoryStore::open(files.path), Error);
    }
    const auto check_refused = [&](const std::function<void(json::object&)>& edit) {
        replace_file(files.path, right);
        forge(files.path, edit);
        CAPTURE(read_file(files.path));
        CHECK_THROWS_AS(MemoryStore::open(files.path), Error);
        CHECK_THROWS_AS(MemoryStore::open(files.path, Access::map), Error);
    };
    const json::object manifest = json::parse(right).as_object();
    for (const auto& [name, value] : manifest) {
        if (name == "checksum" || name == "format") continue;
        const std::string field = name;
        const auto erase = [&](json::object& m) { m.erase(field); };
        if (field == "set" || field == "log") {  // manifests of older versions lack them
            replace_file(files.path, right);
            forge(files.path, erase);
            CHECK_NOTHROW(MemoryStore::open(files.path));
        } else {
            check_refused(erase);
        }
        for (const json::value& wrong : {json::value(nullptr), json::value(-1), json::value(1e30), json::value("x"),
                                         json::value(json::array{}), json::value(json::object{})}) {
            if (field == "generator" && wrong.is_string()) continue;
            check_refused([&](json::object& m) { m[field] = wrong; });
        }
    }
    for (const char* name : {"", ".", "..", "../front.0-of-2.h5", "/etc/passwd", "front.1-of-2.h5", "none.h5"})
        check_refused([&](json::object& m) { m["shards"].as_array()[0].as_object()["file"] = name; });
    check_refused([](json::object& m) { m["shards"].as_array().push_back(m["shards"].as_array()[0]); });
    check_refused([](json::object& m) { m["shards"].as_array()[1].as_object()["slots"] = 5; });
    check_refused([](json::object& m) { m["generation"] = "0"; });
    replace_file(files.path, right);
    CHECK(MemoryStore::open(files.path).size() == 20);
}

TEST_CASE("a new store in shards takes the place of no file", "[store][shards]") {
    const Files files;
    const StoreOptions options = options_with(Similarity::dot, KeyEncoding::int8);
    CHECK_THROWS_AS(MemoryStore::create(files.path, options, -1), Error);
    CHECK_THROWS_AS(MemoryStore::create(files.path, options, 1025), Error);
    const fs::path in_the_way = files.directory.path() / "front.1-of-2.h5";
    replace_file(in_the_way, "mine");
    CHECK_THROWS_AS(MemoryStore::create(files.path, options, 2), Error);
    CHECK(read_file(in_the_way) == "mine");
    // As a kill between the shards and the manifest leaves it.
    CHECK_THROWS_WITH(MemoryStore::create(files.path, options, 2), Catch::Contains("delete this file"));
    CHECK(std::distance(fs::directory_iterator(files.directory.path()), {}) == 1);
    CHECK_THROWS_WITH(MemoryStore::create(files.directory.path() / "caf\xe9.json", options, 2),
                      Catch::Contains("UTF-8"));
    CHECK(std::distance(fs::directory_iterator(files.directory.path()), {}) == 1);
    CHECK_NOTHROW(MemoryStore::create(files.directory.path() / "caf\xc3\xa9.json", options, 2));
    CHECK(MemoryStore::open(files.directory.path() / "caf\xc3\xa9.json").size() == 0);
}
