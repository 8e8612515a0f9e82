#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/error.hpp"
#include "support/cluster_checks.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>

using namespace kvmem;

TEST_CASE("ranks gather, broadcast, exchange and stop", "[cluster]") {
    for (const Index size : {1, 2, 3, 4, 8}) CHECK_NOTHROW(run_on_threads(size, check_cluster));
}

TEST_CASE("a barrier waits for the last rank", "[cluster]") {
    std::atomic<int> arrived = 0;
    run_on_threads(5, [&](Cluster& cluster) {
        for (int round = 1; round <= 20; ++round) {
            ++arrived;
            cluster.barrier();
            require_holds(arrived >= 5 * round, "all have arrived", cluster);
            cluster.barrier();
        }
    });
}

static std::string failure_of(Index size, const std::function<void(Cluster&)>& body) {
    try {
        run_on_threads(size, body);
    } catch (const std::exception& e) {
        return e.what();
    }
    return "none";
}

TEST_CASE("a rank that throws ends all ranks, with its own error", "[cluster]") {
    const std::string failure = failure_of(4, [](Cluster& cluster) {
        cluster.barrier();
        if (cluster.rank() == 2) throw Error({.what = "the disk is full", .where = "model.h5"});
        cluster.barrier();
    });
    CHECK(failure == "rank 2, model.h5: the disk is full");
    CHECK(failure_of(2, [](Cluster& cluster) {
              if (cluster.rank() == 1) throw std::runtime_error("another");
              cluster.barrier();
          }) == "another");
}

TEST_CASE("a rank that waits for one that has failed has an error with its text", "[cluster]") {
    std::string said;
    failure_of(2, [&](Cluster& cluster) {
        if (cluster.rank() == 1) throw Error({.what = "the disk is full"});
        try {
            cluster.barrier();
        } catch (const Error& e) {
            said = e.what();
        }
    });
    CHECK(said == "cluster: rank 1 has failed: expected a message of rank 1, got the disk is full");
}

TEST_CASE("a rank that returns early is an error of the others", "[cluster]") {
    const std::string failure = failure_of(3, [](Cluster& cluster) {
        if (cluster.rank() == 1) return;
        cluster.barrier();
    });
    CHECK((failure.find("rank 1 has ended") != std::string::npos ||
           failure.find("rank 1, cluster: rank 0 is elsewhere") != std::string::npos ||
           failure.find("rank 1, cluster: rank 2 is elsewhere") != std::string::npos));
}

TEST_CASE("ranks in different calls are an error", "[cluster]") {
    const std::string failure = failure_of(2, [](Cluster& cluster) {
        std::string text = "settings";
        if (cluster.rank() == 0)
            cluster.broadcast(text);
        else
            cluster.barrier();
    });
    CHECK(failure.find("expected a message of") != std::string::npos);
}

TEST_CASE("a delay makes each exchange take its time", "[cluster]") {
    const auto begin = std::chrono::steady_clock::now();
    run_on_threads(2, [](Cluster& cluster) {
        cluster.delay(std::chrono::milliseconds(10));
        cluster.barrier();
        cluster.barrier();
    });
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(20));
}
