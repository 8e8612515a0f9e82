#include "kvmem/store/memory_store.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "store/twin.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <set>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace {

const Similarity all_metrics[] = {Similarity::dot, Similarity::cosine, Similarity::euclidean};
const KeyEncoding all_encodings[] = {KeyEncoding::float32, KeyEncoding::bfloat16, KeyEncoding::int8};

StoreOptions options_of(Similarity metric, KeyEncoding encoding, Index width, Index value_width = 0) {
    return {.key_width = width, .value_width = value_width, .metric = metric, .encoding = encoding};
}

// Scores of any numbers may differ in their last bit, and near ties then in their order.
void check_near(const Hits& hits, Index query, const std::vector<TwinHit>& right) {
    const std::vector<TwinHit> row = row_of(hits, query);
    REQUIRE(row.size() == right.size());
    for (std::size_t i = 0; i < row.size(); ++i)
        CHECK(row[i].score == Approx(right[i].score).epsilon(1e-6).margin(1e-6));
}

}  // namespace

TEST_CASE("a search finds what comparing everything finds, whatever the metric, form and batch", "[store][exact]") {
    for (const Similarity metric : all_metrics)
        for (const KeyEncoding encoding : all_encodings)
            for (const Index width : {1, 3, 16, 61, 128}) {
                CAPTURE(static_cast<int>(metric), static_cast<int>(encoding), width);
                MemoryStore store(options_of(metric, encoding, width));
                Twin twin(metric);
                const Matrix keys = whole_numbers(700, width, 1);
                const auto ids = ids_from(5, 700);
                store.add(keys, {}, ids);
                twin.put(keys, Matrix(700, 0), {}, ids);
                for (const Index batch : {1, 2, 7, 8, 9, 40}) {
                    const Matrix queries = whole_numbers(batch, width, static_cast<std::uint64_t>(batch));
                    const Hits hits = store.search(queries, 10);
                    for (Index q = 0; q < batch; ++q) CHECK(row_of(hits, q) == twin.search(queries.row(q), 10));
                }
            }
}

TEST_CASE("narrow keys lose nothing, however near the best are to each other", "[store][exact]") {
    for (const Similarity metric : all_metrics)
        for (const KeyEncoding encoding : all_encodings) {
            CAPTURE(static_cast<int>(metric), static_cast<int>(encoding));
            MemoryStore store(options_of(metric, encoding, 24));
            Twin twin(metric);
            // A few centres, with keys that differ from them by less than a code can tell.
            Matrix keys = normal(3000, 24, 3);
            for (Index i = 20; i < keys.rows(); ++i)
                for (Index j = 0; j < 24; ++j) keys(i, j) = keys(i % 20, j) + 1e-4f * keys(i, j);
            store.add(keys, {}, ids_from(0, 3000));
            twin.put(keys, Matrix(3000, 0), {}, ids_from(0, 3000));
            const Matrix queries = normal(30, 24, 4);
            const Hits hits = store.search(queries, 25);
            for (Index q = 0; q < queries.rows(); ++q) check_near(hits, q, twin.search(queries.row(q), 25));
        }
}

TEST_CASE("equal scores are in the order of their ids", "[store]") {
    for (const KeyEncoding encoding : all_encodings) {
        MemoryStore store(options_of(Similarity::dot, encoding, 4));
        Matrix keys(1000, 4);
        keys.fill(1);
        std::vector<Id> ids = ids_from(0, 1000);
        Rng(1).shuffle(std::span(ids));
        store.add(keys, {}, ids);
        Matrix query(1, 4);
        query.fill(2);
        const Hits hits = store.search(query, 300);
        for (Index i = 0; i < 300; ++i) CHECK(hits.ids[i] == static_cast<Id>(i));
    }
}

TEST_CASE("results have the same bits on any number of threads, in any batch and for every form", "[store]") {
    const Matrix keys = normal(20000, 48, 1), queries = normal(37, 48, 2);
    for (const Similarity metric : all_metrics) {
        std::vector<Hits> all;
        for (const KeyEncoding encoding : all_encodings) {
            MemoryStore store(options_of(metric, encoding, 48));
            store.add(keys, {}, ids_from(0, 20000));
            for (const int threads : {1, 2, 5}) {
                const ThreadLimit limit(threads);
                all.push_back(store.search(queries, 12));
            }
            Hits single = store.search({queries.data(), 1, 48}, 12);
            CHECK(single.ids == std::vector<Id>(all[0].ids.begin(), all[0].ids.begin() + 12));
            CHECK(single.scores == std::vector<float>(all[0].scores.begin(), all[0].scores.begin() + 12));
        }
        for (const Hits& hits : all) {
            CHECK(hits.ids == all[0].ids);
            CHECK(hits.scores == all[0].scores);
        }
    }
}

TEST_CASE("a store does what a map does, through any changes", "[store]") {
    for (const KeyEncoding encoding : all_encodings) {
        MemoryStore store(options_of(Similarity::dot, encoding, 8, 3));
        Twin twin(Similarity::dot);
        Rng rng(static_cast<std::uint64_t>(encoding));
        const auto some_ids = [&](Index most) {
            std::set<Id> ids;
            for (Index i = rng.below(most); i >= 0; --i) ids.insert(static_cast<Id>(rng.below(3000)));
            return std::vector<Id>(ids.begin(), ids.end());
        };
        for (int step = 0; step < 150; ++step) {
            const auto seed = static_cast<std::uint64_t>(step);
            std::vector<Id> ids = some_ids(step % 10 == 0 ? 1500 : 40);
            const Index what = rng.below(5);
            if (what == 0) {
                Index there = 0;
                for (const Id id : ids) there += static_cast<Index>(twin.slots.erase(id));
                CHECK(store.remove(ids) == there);
            } else if (what == 1 && step % 3 == 0) {
                if (step % 2 == 0)
                    store.compact();
                else
                    store.index({.lists = 10, .rounds = 2});
            } else {
                if (what == 2) std::erase_if(ids, [&](Id id) { return twin.slots.count(id) > 0; });
                const auto n = static_cast<Index>(ids.size());
                const Matrix keys = whole_numbers(n, 8, seed), values = whole_numbers(n, 3, seed + 1);
                std::vector<std::string> texts;
                if (step % 4 == 0)
                    for (const Id id : ids) texts.push_back("text " + std::to_string(id) + std::string(1, '\0'));
                if (what == 2)
                    store.add(keys, {values, texts}, ids);
                else
                    store.upsert(keys, {values, texts}, ids);
                twin.put(keys, values, texts, ids);
            }
            REQUIRE(store.size() == static_cast<Index>(twin.slots.size()));
            const Matrix queries = whole_numbers(3, 8, seed + 2);
            const Hits hits = store.search(queries, 20);
            for (Index q = 0; q < 3; ++q) REQUIRE(row_of(hits, q) == twin.search(queries.row(q), 20));
            const std::vector<Id> asked = some_ids(20);
            const StoredSlots slots = store.get(asked);
            for (std::size_t i = 0; i < asked.size(); ++i) {
                const auto right = twin.slots.find(asked[i]);
                REQUIRE(slots.found[i] == (right != twin.slots.end()));
                REQUIRE(store.contains(asked[i]) == slots.found[i]);
                if (!slots.found[i]) continue;
                const auto row = static_cast<Index>(i);
                const TwinSlot got{{slots.keys.row(row), slots.keys.row(row) + 8},
                                   {slots.values.row(row), slots.values.row(row) + 3},
                                   slots.texts[i]};
                REQUIRE(got == right->second);
            }
        }
        std::vector<Id> right;
        for (const auto& [id, slot] : twin.slots) right.push_back(id);
        CHECK(store.ids() == right);
    }
}

TEST_CASE("upserts give back the room of what they replace, and lose nothing", "[store]") {
    for (const KeyEncoding encoding : all_encodings) {
        MemoryStore store(options_of(Similarity::cosine, encoding, 8, 2));
        Twin twin(Similarity::cosine);
        const auto upsert = [&](const std::vector<Id>& ids, std::uint64_t seed) {
            const auto n = static_cast<Index>(ids.size());
            const Matrix keys = whole_numbers(n, 8, seed), values = whole_numbers(n, 2, seed + 1);
            const std::vector<std::string> texts(ids.size(), std::to_string(seed));
            store.upsert(keys, {values, texts}, ids);
            twin.put(keys, values, texts, ids);
        };
        std::vector<Id> ids = ids_from(0, 3000);
        upsert(ids, 1);
        const std::size_t bytes = store.memory_bytes();
        Rng rng(2);
        for (std::uint64_t round = 0; round < 300; ++round) {
            rng.shuffle(std::span(ids));
            upsert({ids.begin(), ids.begin() + 200}, round);
            upsert({round < 150 ? Id{1} : Id{2}}, round);
        }
        CHECK(store.memory_bytes() < 4 * bytes);
        REQUIRE(store.ids() == ids_from(0, 3000));
        const StoredSlots slots = store.get(ids);
        for (std::size_t i = 0; i < ids.size(); ++i) REQUIRE(slots.texts[i] == twin.slots.at(ids[i]).text);
        const Matrix queries = whole_numbers(5, 8, 9);
        const Hits hits = store.search(queries, 20);
        for (Index q = 0; q < 5; ++q) CHECK(row_of(hits, q) == twin.search(queries.row(q), 20));
    }
}

TEST_CASE("one id may be replaced as often as one likes", "[store]") {
    MemoryStore store({.key_width = 1});
    store.add(normal(20000, 1, 1), {}, ids_from(0, 20000));
    const std::size_t bytes = store.memory_bytes();
    Matrix key(1, 1);
    for (Index i = 0; i < 100000; ++i) {
        key(0, 0) = static_cast<Real>(i);
        store.upsert(key, {}, ids_from(7, 1));
    }
    CHECK(store.get(ids_from(7, 1)).keys(0, 0) == 99999);
    CHECK(store.size() == 20000);
    CHECK(store.memory_bytes() < 4 * bytes);
}

TEST_CASE("a filtered search finds all that pass, however few", "[store]") {
    for (const KeyEncoding encoding : all_encodings) {
        MemoryStore store(options_of(Similarity::euclidean, encoding, 12));
        Twin twin(Similarity::euclidean);
        const Matrix keys = whole_numbers(4000, 12, 1), queries = whole_numbers(12, 12, 2);
        store.add(keys, {}, ids_from(0, 4000));
        twin.put(keys, Matrix(4000, 0), {}, ids_from(0, 4000));
        store.remove(ids_from(100, 50));
        for (Id id = 100; id < 150; ++id) twin.slots.erase(id);
        for (const Index probes : {0, 3}) {
            if (probes > 0) store.index({.lists = 16});
            for (const Id every : {Id{1}, Id{2}, Id{7}, Id{500}, Id{5000}}) {
                CAPTURE(every, probes);
                const auto passes = [every](Id id) { return id % every == 0; };
                std::vector<Id> among;
                for (Id id = 0; id < 6000; id += every) among.push_back(id), among.push_back(id);
                SearchOptions by_set, by_predicate, by_both;
                by_set.probes = by_predicate.probes = by_both.probes = probes;
                by_set.among = among;
                by_predicate.where = passes;
                by_both.among = among;
                by_both.where = [](Id id) { return id < 1000; };
                const Hits first = store.search(queries, 15, by_set), second = store.search(queries, 15, by_predicate),
                           both = store.search(queries, 15, by_both);
                for (Index q = 0; q < queries.rows(); ++q) {
                    const auto right = twin.search(queries.row(q), 15, passes);
                    const auto right_both =
                        twin.search(queries.row(q), 15, [&](Id id) { return passes(id) && id < 1000; });
                    if (probes == 0) {
                        CHECK(row_of(first, q) == right);
                        CHECK(row_of(second, q) == right);
                        CHECK(row_of(both, q) == right_both);
                    } else {
                        CHECK(row_of(first, q).size() == right.size());
                        CHECK(row_of(second, q).size() == right.size());
                        for (const TwinHit& hit : row_of(both, q)) CHECK((passes(hit.id) && hit.id < 1000));
                    }
                }
            }
        }
        SearchOptions none;
        none.among = std::span<const Id>();
        CHECK(store.search(queries, 5, none).count == std::vector<Index>(12, 0));
    }
}

TEST_CASE("a search within a radius finds all slots in it", "[store]") {
    for (const Similarity metric : all_metrics)
        for (const KeyEncoding encoding : all_encodings) {
            MemoryStore store(options_of(metric, encoding, 6));
            Twin twin(metric);
            const Matrix keys = whole_numbers(2500, 6, 1, 3), queries = whole_numbers(10, 6, 2, 3);
            store.add(keys, {}, ids_from(0, 2500));
            twin.put(keys, Matrix(2500, 0), {}, ids_from(0, 2500));
            const float least = metric == Similarity::dot ? 15.0f : metric == Similarity::cosine ? 0.6f : -30.0f;
            const Neighbourhood near = store.search_within(queries, least);
            REQUIRE(near.offsets.size() == 11);
            for (Index q = 0; q < 10; ++q) {
                auto right = twin.search(queries.row(q), 2500);
                std::erase_if(right, [&](const TwinHit& hit) { return hit.score < least; });
                std::vector<TwinHit> got;
                for (Index i = near.offsets[q]; i < near.offsets[q + 1]; ++i)
                    got.push_back({near.ids[i], near.scores[i]});
                CHECK(got == right);
            }
        }
}

TEST_CASE("an empty store answers, and k beyond its size gives all there is", "[store]") {
    MemoryStore store({.key_width = 4, .value_width = 2});
    const Matrix query = normal(2, 4, 1);
    CHECK(store.search(query, 5).count == std::vector<Index>{0, 0});
    CHECK(store.search(query, 5).ids.empty());
    CHECK(store.search_within(query, -1e9f).ids.empty());
    CHECK(store.read(query).values(1, 1) == 0);
    CHECK(store.read(query).log_sum_exp(0, 0) == -std::numeric_limits<Real>::infinity());
    CHECK(store.remove(ids_from(0, 3)) == 0);
    store.index();
    store.compact();
    store.add(normal(3, 4, 2), {normal(3, 2, 3)}, ids_from(0, 3));
    const Hits hits = store.search(query, 1000);
    CHECK(hits.count == std::vector<Index>{3, 3});
    CHECK(hits.k == 3);
    const Hits filtered = store.search(query, 1000, {.where = [](Id id) { return id < 2; }});
    CHECK(filtered.count == std::vector<Index>{2, 2});
    CHECK(filtered.scores[2] == -std::numeric_limits<float>::infinity());
    CHECK(store.search(query, 0).count == std::vector<Index>{0, 0});
    CHECK(store.search(Matrix(0, 4), 3).count.empty());
    store.remove(ids_from(0, 3));
    CHECK(store.search(query, 2).count == std::vector<Index>{0, 0});
    store.compact();
    CHECK(store.size() == 0);
}

TEST_CASE("what cannot be is refused, and nothing is changed by it", "[store]") {
    MemoryStore store({.key_width = 4, .value_width = 2});
    const Matrix keys = normal(3, 4, 1), values = normal(3, 2, 2);
    store.add(keys, {values}, ids_from(0, 3));
    const auto version = store.version();
    CHECK_THROWS_AS(store.add(keys, {values}, ids_from(2, 3)), Error);            // 2 is there
    CHECK_THROWS_AS(store.add(keys, {values}, std::vector<Id>{7, 8, 7}), Error);  // twice
    CHECK_THROWS_AS(store.upsert(keys, {values}, std::vector<Id>{7, 8, 7}), Error);
    CHECK_THROWS_AS(store.add(keys, {values}, ids_from(10, 2)), Error);
    CHECK_THROWS_AS(store.add(keys, {normal(2, 2, 1)}, ids_from(10, 3)), Error);
    CHECK_THROWS_AS(store.add(keys, {normal(3, 3, 1)}, ids_from(10, 3)), Error);
    CHECK_THROWS_AS(store.add(normal(3, 5, 1), {values}, ids_from(10, 3)), Error);
    CHECK_THROWS_AS(store.add(keys, {}, ids_from(10, 3)), Error);
    const std::vector<std::string> two{"a", "b"};
    CHECK_THROWS_AS(store.add(keys, {values, two}, ids_from(10, 3)), Error);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e19f}) {
        Matrix wrong = normal(3, 4, 1);
        wrong(2, 3) = bad;
        CHECK_THROWS_AS(store.add(wrong, {values}, ids_from(10, 3)), Error);
        CHECK_THROWS_AS(store.search(wrong, 1), Error);
        CHECK_THROWS_AS(store.read(wrong), Error);
    }
    CHECK_THROWS_AS(store.search(normal(1, 3, 1), 1), Error);
    CHECK_THROWS_AS(store.search(keys, -1), Error);
    CHECK_THROWS_AS(store.search_within(keys, std::numeric_limits<float>::quiet_NaN()), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 0}), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 65537}), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 4, .value_width = -1}), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 4, .metric = Similarity::additive}), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 4, .metric = static_cast<Similarity>(77)}), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 4, .encoding = static_cast<KeyEncoding>(77)}), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 4, .encoding = static_cast<KeyEncoding>(-1)}), Error);
    CHECK(store.size() == 3);
    CHECK(store.version() == version);
    store.add(keys, {values}, ids_from(10, 3));
    CHECK(store.size() == 6);
}

TEST_CASE("a store that was moved from answers with an error until it is another", "[store]") {
    MemoryStore store({.key_width = 4});
    MemoryStore other = std::move(store);
    CHECK_THROWS_AS(store.size(), Error);
    CHECK_THROWS_AS(store.add(normal(3, 4, 1), {}, ids_from(0, 3)), Error);
    CHECK_THROWS_AS(store.search(normal(1, 4, 1), 1), Error);
    CHECK_THROWS_AS(store.compact(), Error);
    CHECK_THROWS_AS(store.sync(), Error);
    store = std::move(other);
    CHECK(store.size() == 0);
}

TEST_CASE("extreme numbers are found like others", "[store][exact]") {
    for (const Similarity metric : all_metrics)
        for (const KeyEncoding encoding : all_encodings) {
            CAPTURE(static_cast<int>(metric), static_cast<int>(encoding));
            MemoryStore store(options_of(metric, encoding, 70));
            Twin twin(metric);
            Matrix keys = normal(300, 70, 1);
            for (Index i = 0; i < 300; ++i)
                for (Index j = 0; j < 70; ++j)
                    keys(i, j) *= i % 5 == 0   ? 1e-30f
                                  : i % 5 == 1 ? 1e12f
                                  : i % 5 == 2 ? 0.0f
                                  : i % 5 == 3 ? 1e-42f
                                               : 1.0f;
            store.add(keys, {}, ids_from(0, 300));
            twin.put(keys, Matrix(300, 0), {}, ids_from(0, 300));
            Matrix queries = normal(12, 70, 2);
            for (Index j = 0; j < 70; ++j) queries(0, j) = 0, queries(1, j) *= 1e-41f, queries(2, j) *= 1e15f;
            const Hits hits = store.search(queries, 40);
            for (Index q = 0; q < queries.rows(); ++q) check_near(hits, q, twin.search(queries.row(q), 40));
        }
}

TEST_CASE("a store of no options means the options that it lacks", "[store]") {
    CHECK_THROWS_WITH(MemoryStore({}), Catch::Contains("key_width"));
}
