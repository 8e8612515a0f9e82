#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/attend.hpp"
#include "store/twin.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace {

struct Wanted {
    Matrix read, log_sum_exp;
};

// naive attention of each query over one memory
Wanted attended(ConstView queries, ConstView keys, ConstView values, Similarity metric, const ReadOptions& options,
                ConstView slot_bias = {}) {
    const std::vector<Index> query_offsets{0, queries.rows}, slot_offsets{0, keys.rows};
    Wanted w{Matrix(queries.rows, values.cols), Matrix(queries.rows, options.heads)};
    AttendOptions attend;
    attend.heads = options.heads;
    attend.scale = 1 / options.temperature;
    attend.similarity = metric;
    if (options.top_k > 0) attend.normalizer = Normalizer::top_k, attend.top_k = options.top_k;
    naive::attend({queries, keys, values, slot_bias}, {query_offsets, slot_offsets}, attend, {w.read, w.log_sum_exp});
    return w;
}

void check_read(const ReadResult& got, const Wanted& wanted) {
    CHECK(distance(got.values, wanted.read) < 2e-5);
    CHECK(distance(got.log_sum_exp, wanted.log_sum_exp) < 2e-4);
}

}  // namespace

TEST_CASE("a read is attention over all slots, or over the best of them", "[store]") {
    const Matrix keys = normal(1500, 16, 1, 0.5), values = normal(1500, 8, 2), queries = normal(9, 16, 3, 0.5);
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean})
        for (const KeyEncoding encoding : {KeyEncoding::float32, KeyEncoding::int8})
            for (const Index heads : {1, 2, 4})
                for (const Index top_k : {0, 7, 1500}) {
                    if (heads > 1 && metric != Similarity::dot) continue;
                    CAPTURE(static_cast<int>(metric), static_cast<int>(encoding), heads, top_k);
                    MemoryStore store({.key_width = 16, .value_width = 8, .metric = metric, .encoding = encoding});
                    // In two calls, so that there are several parts.
                    store.add(keys.view().middle_rows(0, 1100), {values.view().middle_rows(0, 1100)},
                              ids_from(0, 1100));
                    store.add(keys.view().middle_rows(1100, 400), {values.view().middle_rows(1100, 400)},
                              ids_from(1100, 400));
                    ReadOptions options;
                    options.top_k = top_k;
                    options.heads = heads;
                    options.temperature = 0.7f;
                    const ReadResult read = store.read(queries, options);
                    check_read(read, attended(queries, keys, values, metric, options));
                    if (top_k == 0) continue;
                    for (Index row = 0; row < 9 * heads; ++row) {
                        double total = 0;
                        for (Index i = 0; i < read.hits.count[row]; ++i) total += double{read.weights[row * top_k + i]};
                        CHECK(total == Approx(1).epsilon(1e-5));
                    }
                }
}

TEST_CASE("a read passes over what was removed or filtered out", "[store]") {
    const Matrix keys = normal(900, 12, 1, 0.5), values = normal(900, 5, 2), queries = normal(4, 12, 3, 0.5);
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean}) {
        MemoryStore store({.key_width = 12, .value_width = 5, .metric = metric});
        store.add(keys, {values}, ids_from(0, 900));
        store.remove(ids_from(300, 100));
        Matrix bias(900, 1);
        for (Index i = 300; i < 400; ++i) bias(i, 0) = -std::numeric_limits<Real>::infinity();
        check_read(store.read(queries), attended(queries, keys, values, metric, {}, bias));
        ReadOptions filtered;
        filtered.search.where = [](Id id) { return id % 3 == 0; };
        for (Index i = 0; i < 900; ++i)
            if (i % 3 != 0) bias(i, 0) = -std::numeric_limits<Real>::infinity();
        check_read(store.read(queries, filtered), attended(queries, keys, values, metric, {}, bias));
        const std::vector<Id> few{1, 5, 301, 899, 7000};
        filtered.search.where = nullptr;
        filtered.search.among = few;
        bias.fill(-std::numeric_limits<Real>::infinity());
        for (const Index i : {1, 5, 899}) bias(i, 0) = 0;
        check_read(store.read(queries, filtered), attended(queries, keys, values, metric, {}, bias));
        store.compact();
        check_read(store.read(queries, filtered), attended(queries, keys, values, metric, {}, bias));
        store.remove(store.ids());
        const ReadResult nothing = store.read(queries);
        CHECK(nothing.values(0, 0) == 0);
        CHECK(nothing.log_sum_exp(0, 0) == -std::numeric_limits<Real>::infinity());
    }
}

TEST_CASE("a read by distance loses nothing far from the origin", "[store]") {
    Matrix keys = normal(3000, 16, 1), queries = normal(5, 16, 3);
    const Matrix values = normal(3000, 4, 2);
    for (Matrix* m : {&keys, &queries})
        for (Index i = 0; i < m->rows(); ++i)
            // Two clouds, far from each other and from the origin: there is no place that all of them are near to.
            for (Index j = 0; j < 16; ++j) (*m)(i, j) += i % 2 == 0 ? 1e4f : -1e4f;
    for (const KeyEncoding encoding : {KeyEncoding::float32, KeyEncoding::int8}) {
        MemoryStore store({.key_width = 16, .value_width = 4, .metric = Similarity::euclidean, .encoding = encoding});
        store.add(keys.view().middle_rows(0, 2000), {values.view().middle_rows(0, 2000)}, ids_from(0, 2000));
        store.add(keys.view().middle_rows(2000, 1000), {values.view().middle_rows(2000, 1000)}, ids_from(2000, 1000));
        store.remove(ids_from(40, 7));
        for (const Real temperature : {0.7f, 20.0f}) {
            ReadOptions options;
            options.temperature = temperature;
            options.search.where = [](Id id) { return id % 5 != 0; };
            const ReadResult read = store.read(queries, options);
            for (Index q = 0; q < queries.rows(); ++q) {
                std::vector<double> scores(3000, -std::numeric_limits<double>::infinity());
                for (Index i = 0; i < 3000; ++i) {
                    if (i % 5 == 0 || (i >= 40 && i < 47)) continue;
                    double square = 0;
                    for (Index j = 0; j < 16; ++j) square += std::pow(double{queries(q, j)} - double{keys(i, j)}, 2);
                    scores[i] = -square / double{temperature};
                }
                const double best = *std::max_element(scores.begin(), scores.end());
                double total = 0, right[4] = {};
                for (Index i = 0; i < 3000; ++i) {
                    const double weight = std::exp(scores[i] - best);
                    total += weight;
                    for (Index e = 0; e < 4; ++e) right[e] += weight * double{values(i, e)};
                }
                CHECK(double{read.log_sum_exp(q, 0)} == Approx(best + std::log(total)).epsilon(1e-6));
                for (Index e = 0; e < 4; ++e)
                    CHECK(double{read.values(q, e)} == Approx(right[e] / total).epsilon(1e-5).margin(1e-6));
            }
            for (const int threads : {1, 2, 5}) {
                const ThreadLimit limit(threads);
                const ReadResult again = store.read(queries, options);
                CHECK(same_bits(again.values, read.values));
                CHECK(same_bits(again.log_sum_exp, read.log_sum_exp));
            }
        }
        ReadOptions nothing;
        nothing.search.where = [](Id) { return false; };
        CHECK(store.read(queries, nothing).log_sum_exp(4, 0) == -std::numeric_limits<Real>::infinity());
        CHECK(store.read(queries, nothing).values(4, 3) == 0);
    }
}

TEST_CASE("no k is too large: there are no more places than slots", "[store]") {
    MemoryStore store({.key_width = 4, .value_width = 2});
    const Matrix queries = normal(4, 4, 1);
    ReadOptions options;
    options.top_k = Index{1} << 40;
    CHECK(store.read(queries, options).hits.k == 0);
    CHECK(store.read(queries, options).log_sum_exp(0, 0) == -std::numeric_limits<Real>::infinity());
    const Matrix keys = normal(3, 4, 2), values = normal(3, 2, 3);
    store.add(keys, {values}, ids_from(0, 3));
    for (const Index heads : {1, 2})
        for (const Index k : {Index{4}, Index{1} << 40, Index{1} << 62, std::numeric_limits<Index>::max()}) {
            CAPTURE(heads, k);
            options.heads = heads;
            options.top_k = k;
            const ReadResult read = store.read(queries, options);
            CHECK(read.hits.k == 3);
            CHECK(read.weights.size() == static_cast<std::size_t>(12 * heads));
            options.top_k = 0;
            CHECK(distance(read.values, store.read(queries, options).values) < 1e-6);
            CHECK(store.search(queries, k).k == 3);
        }
}

TEST_CASE("a read gives copies of what it read", "[store]") {
    const Matrix keys = normal(300, 12, 1), values = normal(300, 6, 2), queries = normal(4, 12, 3);
    MemoryStore store({.key_width = 12, .value_width = 6});
    store.add(keys, {values}, ids_from(0, 300));
    for (const Index heads : {1, 3}) {
        ReadOptions options;
        options.top_k = 7;
        options.heads = heads;
        options.copy_slots = true;
        options.search.where = [](Id id) { return id < 5; };  // so that places stay empty
        const ReadResult read = store.read(queries, options);
        REQUIRE(read.slot_keys.rows() == 4 * heads * 7);
        REQUIRE(read.slot_values.rows() == 4 * heads * 7);
        for (Index row = 0; row < 4 * heads; ++row)
            for (Index i = 0; i < 7; ++i) {
                const Index at = row * 7 + i;
                const auto id = static_cast<Index>(read.hits.ids[at]);
                for (Index j = 0; j < 12; ++j) CHECK(read.slot_keys(at, j) == (i < 5 ? keys(id, j) : 0));
                for (Index j = 0; j < 6; ++j) CHECK(read.slot_values(at, j) == (i < 5 ? values(id, j) : 0));
            }
    }
}

TEST_CASE("a read that cannot be is refused", "[store]") {
    MemoryStore store({.key_width = 12, .value_width = 6}), no_values({.key_width = 12}),
        cosine({.key_width = 12, .value_width = 6, .metric = Similarity::cosine});
    const Matrix queries = normal(2, 12, 1);
    const auto with = [](auto set) {
        ReadOptions options;
        set(options);
        return options;
    };
    CHECK_THROWS_AS(no_values.read(queries), Error);
    CHECK_THROWS_AS(store.read(normal(2, 11, 1)), Error);
    CHECK_THROWS_AS(store.read(queries, with([](ReadOptions& o) { o.temperature = 0; })), Error);
    CHECK_THROWS_AS(store.read(queries, with([](ReadOptions& o) { o.heads = 5; })), Error);
    CHECK_THROWS_AS(store.read(queries, with([](ReadOptions& o) { o.heads = 0; })), Error);
    CHECK_THROWS_AS(cosine.read(queries, with([](ReadOptions& o) { o.heads = 2; })), Error);
    CHECK_THROWS_AS(store.read(queries, with([](ReadOptions& o) { o.top_k = -1; })), Error);
    CHECK_THROWS_AS(store.read(queries, with([](ReadOptions& o) { o.copy_slots = true; })), Error);
    CHECK_THROWS_AS(store.read(queries, with([](ReadOptions& o) { o.temperature = 1e-45f; })), Error);
    CHECK_THROWS_AS(store.read(queries, with([](ReadOptions& o) { o.search.probes = 2; })), Error);
}

TEST_CASE("an index finds nearly all with few probes, and all with every one", "[store]") {
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean})
        for (const KeyEncoding encoding : {KeyEncoding::float32, KeyEncoding::bfloat16, KeyEncoding::int8}) {
            CAPTURE(static_cast<int>(metric), static_cast<int>(encoding));
            MemoryStore store({.key_width = 20, .metric = metric, .encoding = encoding});
            const Matrix centres = normal(40, 20, 1);
            Matrix keys = normal(4000, 20, 2, 0.2);
            for (Index i = 0; i < keys.rows(); ++i) {
                double square = 0;
                for (Index j = 0; j < 20; ++j) square += std::pow(double{keys(i, j) += centres(i % 40, j)}, 2);
                if (metric == Similarity::dot)  // of one length, or the longest would be near to everything
                    for (Index j = 0; j < 20; ++j) keys(i, j) /= static_cast<float>(std::sqrt(square));
            }
            const ConstView all = keys;
            store.add(all.middle_rows(0, 3000), {}, ids_from(0, 3000));
            const Hits before = store.search(all.middle_rows(0, 50), 10);
            store.index({.lists = 64});
            CHECK(store.lists() == 64);
            CHECK(store.unindexed() == 0);
            CHECK(store.search(all.middle_rows(0, 50), 10).ids == before.ids);
            CHECK(store.measure_recall(all.middle_rows(0, 200), 10, {.probes = 64}).recall == 1);
            CHECK(store.measure_recall(all.middle_rows(0, 200), 10, {.probes = 8}).recall > 0.9);
            // Recall is measured among those that may be found: all of them, when they are too few for the lists.
            CHECK(store
                      .measure_recall(all.middle_rows(0, 50), 10,
                                      {.where = [](Id id) { return id % 300 == 7; }, .probes = 1})
                      .recall == 1);
            // StoredSlots that come later are found at once, and those that go are not.
            store.add(all.middle_rows(3000, 1000), {}, ids_from(3000, 1000));
            CHECK(store.unindexed() == 1000);
            store.remove(ids_from(0, 100));
            SearchOptions one;
            one.probes = 1;
            const Hits late = store.search(all.middle_rows(3500, 100), 1, one);
            for (Index q = 0; q < 100; ++q) CHECK(late.ids[q] == static_cast<Id>(3500 + q));
            for (const Id id : store.search(all.middle_rows(0, 100), 10, one).ids) CHECK(id >= 100);
            const Hits exact = store.search(all.middle_rows(0, 100), 10);
            store.compact();
            CHECK(store.unindexed() == 0);
            CHECK(store.lists() == 64);
            CHECK(store.search(all.middle_rows(0, 100), 10).ids == exact.ids);
            CHECK(store.measure_recall(all.middle_rows(0, 200), 10, {.probes = 8}).recall > 0.9);
            // Never fewer than there are.
            for (const Index count : store.search(all.middle_rows(0, 20), 1000, one).count) CHECK(count == 1000);
        }
}

TEST_CASE("the smallest queries probe lists as others do", "[store]") {
    MemoryStore store({.key_width = 6, .metric = Similarity::cosine});
    store.add(normal(500, 6, 1), {}, ids_from(0, 500));
    store.index({.lists = 8});
    Matrix query(1, 6);
    query(0, 2) = 1e-44f;
    SearchOptions probing;
    probing.probes = 8;
    CHECK(store.search(query, 5, probing).ids == store.search(query, 5).ids);
}
