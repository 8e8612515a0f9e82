#include "kvmem/cluster/store_shards.hpp"

#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/error.hpp"
#include "store/twin.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <atomic>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace fs = std::filesystem;

namespace {

constexpr Index dealt_width = 8, shard_count = 5;

struct DealtStore {
    TemporaryDirectory directory;
    fs::path path = directory.path() / "wiki.json";
    explicit DealtStore(Similarity metric) {
        MemoryStore store = MemoryStore::create(
            path, {.key_width = dealt_width, .value_width = 3, .metric = metric, .encoding = KeyEncoding::int8},
            shard_count);
        const Matrix keys = normal(700, dealt_width, 1), values = normal(700, 3, 2);
        std::vector<std::string> texts;
        for (Index i = 0; i < 700; ++i) texts.push_back("slot " + std::to_string(i));
        store.add(keys, {values, texts}, ids_from(0, 700));
        store.index({.lists = 6});
        store.remove(ids_from(100, 50));
    }
};

bool is_same(const Hits& a, const Hits& b) { return a.ids == b.ids && a.scores == b.scores && a.count == b.count; }

}  // namespace

TEST_CASE("what ranks find is what the whole store finds, bit for bit", "[cluster][store]") {
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean}) {
        const DealtStore files(metric);
        const MemoryStore whole = MemoryStore::open(files.path, Access::map);
        for (const SearchOptions& options :
             {SearchOptions{}, SearchOptions{.where = [](Id id) { return id % 3 == 0; }}, SearchOptions{.probes = 2}})
            for (const Index ranks : {1, 2, 3, 8}) {
                const Matrix queries = normal(options.probes > 0 ? 1 : 7, dealt_width, 9);
                std::atomic<int> same = 0;
                run_on_threads(ranks, [&](Cluster& cluster) {
                    const MemoryStore own = open_store_of_rank(cluster, files.path);
                    Index size = 0;
                    const Matrix none(0, dealt_width);
                    const Matrix shared = share_rows(cluster, cluster.rank() == 0 ? queries : none);
                    const MemoryStore found = search_on_ranks(cluster, own, shared, 12, options, size);
                    if (cluster.rank() > 0) return;
                    same += is_same(found.search(queries, 12), whole.search(queries, 12, options));
                    const ReadResult mine = found.read(queries, {.top_k = 12}),
                                     all = whole.read(queries, {.top_k = 12, .search = options});
                    same += same_bits(mine.values, all.values) && mine.weights == all.weights;
                    same += size == whole.size() && found.has_texts();
                    same += found.get(found.ids()).texts == whole.get(found.ids()).texts;
                });
                CAPTURE(static_cast<int>(metric), ranks, options.probes);
                CHECK(same == 4);
            }
    }
}

TEST_CASE("ranks take one query at a time with probes", "[cluster][store]") {
    const DealtStore files(Similarity::dot);
    CHECK_THROWS_WITH(run_on_threads(2,
                                     [&](Cluster& cluster) {
                                         const MemoryStore own = open_store_of_rank(cluster, files.path);
                                         Index size = 0;
                                         static_cast<void>(search_on_ranks(cluster, own, normal(2, dealt_width, 9), 3,
                                                                           {.probes = 2}, size));
                                     }),
                      Catch::Contains("one query at a time"));
}

TEST_CASE("a shard that is missing is named on all ranks, and one file is no store of ranks", "[cluster][store]") {
    const DealtStore files(Similarity::dot);
    const auto failures = [](const fs::path& path) {
        std::vector<std::string> texts(3, "none");
        run_on_threads(3, [&](Cluster& cluster) {
            try {
                static_cast<void>(open_store_of_rank(cluster, path));
            } catch (const Error& e) {
                texts[static_cast<std::size_t>(cluster.rank())] = e.what();
            }
        });
        return texts;
    };
    CHECK(failures(files.path) == std::vector<std::string>(3, "none"));
    const fs::path shard = MemoryStore::peek(files.path).shards[4];
    fs::remove(shard);
    for (const std::string& text : failures(files.path))
        CHECK_THAT(text, Catch::Contains(shard.string()) && Catch::Contains("on rank 2"));
    const fs::path one = files.directory.path() / "one.h5";
    static_cast<void>(MemoryStore::create(one, {.key_width = 4}));
    for (const std::string& text : failures(one)) CHECK_THAT(text, Catch::Contains("in shards alone"));
}
