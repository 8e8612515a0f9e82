#include "kvmem/core/parallel.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"

#include <oneapi/tbb/task_arena.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

using namespace kvmem;

TEST_CASE("a parallel loop covers each index once on any number of threads", "[parallel]") {
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        for (const Index count : {0, 1, 2, 7, 64, 1000, 12345})
            for (const Index grain : {0, 1, 3, 64, 100000}) {
                std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
                parallel_for(count, grain, [&](Index first, Index last) {
                    for (Index i = first; i < last; ++i) ++visits[static_cast<std::size_t>(i)];
                });
                REQUIRE(std::all_of(visits.begin(), visits.end(), [](const auto& n) { return n == 1; }));
            }
    }
}

TEST_CASE("a loop of one grain runs in the caller as one range", "[parallel]") {
    int calls = 0;
    std::thread::id where;
    parallel_for(100, 100, [&](Index first, Index last) {
        ++calls;
        where = std::this_thread::get_id();
        CHECK(first == 0);
        CHECK(last == 100);
    });
    CHECK(calls == 1);
    CHECK(where == std::this_thread::get_id());
}

#ifdef __SSE__
TEST_CASE("subnormal numbers are zero in all threads of a loop, but only while that is asked for", "[parallel]") {
    const ThreadLimit limit(8);
    const auto subnormal_products = [] {
        std::atomic<int> count{0};
        parallel_for(1000, 1, [&](Index, Index) {
            volatile float x = 1e-30f;
            x = x * 1e-10f;
            if (std::fabs(x) > 0) ++count;
        });
        return count.load();
    };
    CHECK(subnormal_products() == 1000);
    {
        const FlushSubnormals flush;
        CHECK(subnormal_products() == 0);
    }
    CHECK(subnormal_products() == 1000);
}
#endif

TEST_CASE("loops may be nested", "[parallel]") {
    std::vector<std::atomic<int>> visits(50 * 40);
    parallel_for(50, 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            parallel_for(40, 1, [&, i](Index a, Index b) {
                for (Index j = a; j < b; ++j) ++visits[static_cast<std::size_t>(i * 40 + j)];
            });
    });
    CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& n) { return n == 1; }));
}

// Three threads: one waits for the half of its loop that another has taken and keeps, while there is a third one's loop
// to take from.
TEST_CASE("a thread that waits for its loop runs nothing else", "[parallel]") {
    const ThreadLimit limit(4);
    static thread_local bool is_waiting = false;
    std::atomic<bool> is_taken = false;
    std::atomic<int> left = 64, taken_up = 0;
    const auto wait_until = [](const auto& holds) {
        for (int i = 0; i < 20000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::microseconds(100));
    };
    const auto waits = [&] {
        is_waiting = true;
        parallel_for(2, 1, [&](Index half, Index) {
            if (half == 0) return wait_until([&] { return is_taken.load(); });
            is_taken = true;
            wait_until([&] { return left == 0 || taken_up > 0; });
        });
        is_waiting = false;
    };
    const auto offers = [&] {
        wait_until([&] { return is_taken.load(); });
        parallel_for(left, 1, [&](Index, Index) {
            if (is_waiting) ++taken_up;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            --left;
        });
    };
    tbb::task_arena arena(4);
    arena.execute([&] { parallel_for(2, 1, [&](Index half, Index) { half == 0 ? waits() : offers(); }); });
    CHECK(taken_up == 0);
}

TEST_CASE("an exception from a parallel loop reaches the caller as it is", "[parallel]") {
    for (const int threads : {1, 8}) {
        const ThreadLimit limit(threads);
        for (const Index grain : {1, 1000})
            CHECK_THROWS_WITH(
                parallel_for(1000, grain,
                             [](Index first, Index last) {
                                 if (first <= 777 && 777 < last)
                                     throw Error(
                                         {.what = "lucky number", .expected = {}, .got = {}, .where = {}, .hint = {}});
                             }),
                "lucky number");
    }
    std::atomic<int> after = 0;
    parallel_for(10, 1, [&](Index first, Index last) { after += static_cast<int>(last - first); });
    CHECK(after == 10);
}

TEST_CASE("the smallest of several thread limits counts, while it lives", "[parallel]") {
    const ThreadLimit four(4);
    CHECK(thread_count() == 4);
    {
        const ThreadLimit one(1);
        const ThreadLimit many(64);
        CHECK(thread_count() == 1);
        ThreadLimit moved = ThreadLimit(2);
        moved = ThreadLimit(1);
        CHECK(thread_count() == 1);
    }
    CHECK(thread_count() == 4);
    CHECK(thread_count() > 0);
}

TEST_CASE("bodies that run at once have workers of their own", "[parallel]") {
    CHECK(worker_count() >= 1);
    CHECK(worker_index() < worker_count());
    std::vector<std::atomic<int>> busy(static_cast<std::size_t>(worker_count()));
    std::atomic<bool> alone = true;
    parallel_for(2000, 1, [&](Index, Index) {
        const Index worker = worker_index();
        if (worker < 0 || worker >= worker_count() || busy[static_cast<std::size_t>(worker)]++ != 0) alone = false;
        busy[static_cast<std::size_t>(worker)]--;
    });
    CHECK(alone);
}
