#include "kvmem/cluster/new_store.hpp"

#include "kvmem/cluster/shards.hpp"
#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "store/twin.hpp"
#include "support/store_files.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace fs = std::filesystem;

namespace {

// Slots of a new store, and the store of them that one process makes.
struct MadeAlone {
    StoreOptions options;
    Matrix keys, values;
    std::vector<std::string> texts;
    std::optional<IndexOptions> index;

    MadeAlone(Index slots, const StoreOptions& wanted, bool has_texts, std::optional<IndexOptions> lists)
        : options(wanted),
          keys(normal(slots, wanted.key_width, 1)),
          values(normal(slots, wanted.value_width, 2)),
          index(std::move(lists)) {
        for (Index i = 0; has_texts && i < slots; ++i) texts.push_back("slot " + std::to_string(i * i));
    }
    [[nodiscard]] Values rows() const { return {options.value_width > 0 ? values.view() : ConstView{}, texts}; }
    void make(const fs::path& path, Index shards) const {
        MemoryStore store = MemoryStore::create(path, options, shards);
        store.add(keys, rows(), ids_from(0, keys.rows()));
        if (index)
            store.index(*index);
        else
            store.compact();
    }
    [[nodiscard]] NewStore wanted(const fs::path& path, Index shards) const {
        return {.path = path,
                .shards = shards,
                .metric = options.metric,
                .encoding = options.encoding,
                .changes = keys.rows() > 0 ? std::uint64_t{1} : 0,
                .index = index};
    }
    // The ranks make it, of which the first one has all rows.
    void make_on(Cluster& cluster, const fs::path& path, Index shards) const {
        const bool is_first = cluster.rank() == 0;
        SlotsOfRank own =
            deal_slots(cluster, shards, is_first ? keys.view() : ConstView{}, is_first ? rows() : Values{});
        make_store(cluster, wanted(path, shards), std::move(own));
    }
};

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
}

}  // namespace

TEST_CASE("ranks make the store that one process makes, byte for byte", "[cluster][store]") {
    const TemporaryDirectory alone, together;
    int number = 0;
    const auto check = [&](const MadeAlone& slots, Index shards) {
        const std::string name = "wiki" + std::to_string(number++) + ".json";
        slots.make(alone / name, shards);
        for (const Index ranks : {1, 2, 3}) {
            CAPTURE(ranks, shards, slots.keys.rows(), static_cast<int>(slots.options.metric));
            const fs::path made = together / (std::to_string(ranks) + name);
            run_on_threads(ranks, [&](Cluster& cluster) { slots.make_on(cluster, made, shards); });
            const MemoryStore opened = MemoryStore::open(made);
            CHECK(opened.size() == slots.keys.rows());
            CHECK_FALSE(opened.report().lacks_log);
            CHECK(store_difference(alone / name, made) == "");
        }
    };
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean})
        for (const KeyEncoding encoding : {KeyEncoding::int8, KeyEncoding::float32})
            for (const Index shards : {1, 2, 5})
                check(MadeAlone(700, {8, 3, metric, encoding}, true, IndexOptions{.lists = 7}), shards);
    check(MadeAlone(700, {8, 0, Similarity::dot, KeyEncoding::bfloat16}, false, std::nullopt), 3);
    check(MadeAlone(700, {8, 0, Similarity::dot, KeyEncoding::int8}, false, IndexOptions{.lists = 300}), 3);
    check(MadeAlone(3, {8, 2, Similarity::dot, KeyEncoding::int8}, true, IndexOptions{}), 8);  // some shards are empty
    check(MadeAlone(0, {4, 2, Similarity::dot, KeyEncoding::int8}, false, std::nullopt), 2);
    check(MadeAlone(70'000, {2, 0, Similarity::euclidean, KeyEncoding::int8}, true, IndexOptions{}), 2);
}

TEST_CASE("two stores that differ are told apart", "[cluster][store]") {
    const TemporaryDirectory files;
    const MadeAlone slots(90, {4, 0, Similarity::dot, KeyEncoding::int8}, true, std::nullopt);
    MadeAlone other = slots;
    other.keys(17, 2) += Real(0.001);
    MadeAlone renamed = slots;
    renamed.texts[3] = "another";
    slots.make(files / "a.json", 2);
    slots.make(files / "b.json", 2);
    slots.make(files / "three.json", 3);
    other.make(files / "other.json", 2);
    renamed.make(files / "renamed.json", 2);
    CHECK(store_difference(files / "a.json", files / "b.json") == "");
    for (const char* name : {"three.json", "other.json", "renamed.json"})
        CHECK(store_difference(files / "a.json", files / name) != "");
}

TEST_CASE("a new store that cannot be made is an error of all ranks, and none of its files stays", "[cluster][store]") {
    const TemporaryDirectory files;
    const fs::path path = files / "wiki.json";
    MadeAlone slots(90, {4, 2, Similarity::dot, KeyEncoding::int8}, true, IndexOptions{.lists = 3});
    const auto failures = [&](const std::function<void(Cluster&)>& make) {
        std::vector<std::string> texts(3, "none");
        run_on_threads(3, [&](Cluster& cluster) {
            try {
                make(cluster);
            } catch (const Error& e) {
                texts[static_cast<std::size_t>(cluster.rank())] = e.what();
            }
        });
        return texts;
    };
    const auto check = [&](const std::string& why, const std::string& rank, auto make,
                           const std::vector<std::string>& left) {
        for (const std::string& text : failures(make))
            CHECK_THAT(text, Catch::Contains(why) && Catch::Contains("rank " + rank));
        CHECK(names_in(files.path()) == left);
    };
    const auto make = [&](Cluster& cluster) { slots.make_on(cluster, path, 3); };
    // What is there already stays.
    for (const char* name : {"wiki.json", "wiki.json.log", "wiki.2-of-3.h5"}) {
        replace_file(files / name, "mine");
        check("a file of this name already", "0", make, {name});
        CHECK(read_file(files / name) == "mine");
        fs::remove(files / name);
    }
    // What a killed try left is removed by the next one.
    for (const char* name : {"wiki.0-of-3.h5.unfinished", "wiki.2-of-3.h5.unfinished.kvmem-tmp1"})
        replace_file(files / name, "half");
    run_on_threads(3, make);
    CHECK(MemoryStore::open(path).size() == 90);
    CHECK(names_in(files.path()) ==
          std::vector<std::string>{"wiki.0-of-3.h5", "wiki.1-of-3.h5", "wiki.2-of-3.h5", "wiki.json", "wiki.json.log"});
    for (const std::string& name : names_in(files.path())) fs::remove(files / name);
    // A rank that cannot write its shard.
    check("wiki.1-of-3.h5", "1",
          [&](Cluster& cluster) {
              SlotsOfRank own = deal_slots(cluster, 3, slots.keys, slots.rows());
              NewStore wanted = slots.wanted(path, 3);
              if (cluster.rank() == 1) wanted.path = files / "missing" / "wiki.json";
              make_store(cluster, wanted, std::move(own));
          },
          {});
    // Slots of another rank, too few of them, and numbers that no store takes.
    const auto with = [&](auto change) {
        return [&slots, &path, change](Cluster& cluster) {
            SlotsOfRank own = deal_slots(cluster, 3, slots.keys, slots.rows());
            if (cluster.rank() == 2) change(own);
            make_store(cluster, slots.wanted(path, 3), std::move(own));
        };
    };
    check("the slots of its own shards", "2", with([](SlotsOfRank& own) { ++own.ids.back(); }), {});
    check("a key, a value and a text", "2", with([](SlotsOfRank& own) { own.texts.pop_back(); }), {});
    check("a key, a value and a text", "2", with([](SlotsOfRank& own) { own.values = {}; }), {});
    check("keys", "2", with([](SlotsOfRank& own) { own.keys(0, 0) = std::numeric_limits<Real>::infinity(); }), {});
    slots.index->lists = Index{1} << 40;
    check("lists", "0", make, {});
    check("shards", "0", [&](Cluster& cluster) { make_store(cluster, slots.wanted(path, 0), {}); }, {});
    check("shards", "0", [&](Cluster& cluster) { make_store(cluster, slots.wanted(path, 2000), {}); }, {});
}
