#include "kvmem/cluster/shards.hpp"

#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/option_error.hpp"
#include "support/cluster_checks.hpp"

#include <catch2/catch.hpp>

#include <atomic>

using namespace kvmem;

// Shards [first, last), which reply with their number and the request.
static std::vector<ShardReader> numbered(Index first, Index last) {
    std::vector<ShardReader> shards;
    for (Index i = first; i < last; ++i)
        shards.emplace_back([i](std::string_view request) { return std::to_string(i) + " " + std::string(request); });
    return shards;
}

TEST_CASE("items are dealt in their order, and no part has two more than another", "[cluster]") {
    for (const Index items : {0, 1, 2, 7, 1000})
        for (const Index parts : {1, 2, 3, 8}) {
            Index next = 0;
            for (Index part = 0; part < parts; ++part) {
                const Dealt dealt = deal_evenly(items, part, parts);
                CHECK(dealt.first == next);
                CHECK(dealt.last - dealt.first >= items / parts);
                CHECK(dealt.last - dealt.first <= (items + parts - 1) / parts);
                next = dealt.last;
            }
            CHECK(next == items);
        }
}

TEST_CASE("shards here and on ranks reply in their order", "[cluster]") {
    constexpr Index shards = 5;
    const std::vector<ShardReader> here = numbered(0, shards);
    const std::vector<std::string> replies = call_to(here)("a");
    CHECK(replies == std::vector<std::string>{"0 a", "1 a", "2 a", "3 a", "4 a"});
    for (const Index ranks : {1, 2, 3, 8}) {
        std::atomic<int> right = 0;
        run_on_threads(ranks, [&](Cluster& cluster) {
            const Dealt own = deal_evenly(shards, cluster.rank(), cluster.size());
            const std::vector<ShardReader> mine = numbered(own.first, own.last);
            if (cluster.rank() > 0) return serve_shards(cluster, mine);
            const ShardCall call = call_to_ranks(cluster, mine);
            for (const std::string& request : {std::string("a"), std::string(), std::string(100'000, '\0')}) {
                std::vector<std::string> all;
                for (Index i = 0; i < shards; ++i) all.push_back(std::to_string(i) + " " + request);
                right += call(request) == all;
            }
            end_shards(cluster);
        });
        CHECK(right == 3);
    }
}

static std::string failure_on(Index ranks, const std::function<void(Cluster&)>& body) {
    try {
        run_on_threads(ranks, body);
    } catch (const std::exception& e) {
        return e.what();
    }
    return "none";
}

TEST_CASE("a shard that throws ends all ranks", "[cluster]") {
    const std::string failure = failure_on(3, [](Cluster& cluster) {
        const std::vector<ShardReader> bad{[&](std::string_view) -> std::string {
            if (cluster.rank() == 2) throw Error({.what = "the disk is gone"});
            return "here";
        }};
        if (cluster.rank() > 0) return serve_shards(cluster, bad);
        (void)call_to_ranks(cluster, bad)("?");
    });
    CHECK(failure == "rank 2: the disk is gone");
}

TEST_CASE("what fails on one rank fails on all, and each can name it", "[cluster]") {
    std::atomic<int> same = 0;
    const std::string failure = failure_on(3, [&](Cluster& cluster) {
        run_together(cluster, [] {});
        try {
            run_together(cluster, [&] {
                if (cluster.rank() == 1)
                    throw Error(
                        {.what = "damaged", .expected = "this", .got = "that", .where = "b.h5", .hint = "mend"});
            });
        } catch (const Error& e) {
            same +=
                std::string(e.what()) ==
                Error(
                    {.what = "damaged", .expected = "this", .got = "that", .where = "b.h5, on rank 1", .hint = "mend"})
                    .what();
        }
        run_together(cluster, [&] {
            if (cluster.rank() == 2) throw std::runtime_error("out of luck");
        });
    });
    CHECK(same == 3);
    CHECK(failure.find("out of luck") != std::string::npos);
}

TEST_CASE("a wrong option of one rank is that on all", "[cluster]") {
    std::atomic<int> options = 0, usages = 0;
    failure_on(3, [&](Cluster& cluster) {
        try {
            run_together(cluster, [&] { require_option(cluster.rank() != 2, "top_k", "1 or more"); });
        } catch (const OptionError& e) {
            options += e.option() == "top_k" && e.problem().where == "rank 2";
        }
        try {
            run_together(cluster, [&] {
                if (cluster.rank() == 0) throw UsageError({.what = std::string("a\0b", 3), .got = "one"});
            });
        } catch (const OptionError&) {
        } catch (const UsageError& e) {
            usages += e.problem().what == std::string("a\0b", 3) && e.problem().got == "one";
        }
    });
    CHECK(options == 3);
    CHECK(usages == 3);
}
