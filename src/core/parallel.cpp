#include "kvmem/core/parallel.hpp"

#include "kvmem/core/float_control.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <pthread.h>

#include <algorithm>
#include <atomic>

// TBB is not built with the thread sanitizer, which must therefore be told the order of events.
#if defined(__SANITIZE_THREAD__)
#define KVMEM_TELL_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KVMEM_TELL_SANITIZER
#endif
#endif
#ifdef KVMEM_TELL_SANITIZER
#include <sanitizer/tsan_interface.h>
static void publish(char& point) { __tsan_release(&point); }
static void observe(char& point) { __tsan_acquire(&point); }
#else
static void publish(char&) {}
static void observe(char&) {}
#endif
namespace {
// They act at the end of a scope, however it is left, because exceptions cross threads, too.
struct PublishAtEnd {
    char& point;
    ~PublishAtEnd() { publish(point); }
};
struct ObserveAtEnd {
    char& point;
    ~ObserveAtEnd() { observe(point); }
};
}  // namespace

namespace kvmem {

using tbb::global_control;

struct ThreadLimit::Impl {
    global_control control;
};

ThreadLimit::ThreadLimit(int threads)
    : impl_(new Impl{global_control(global_control::max_allowed_parallelism,
                                    threads > 0 ? threads : tbb::info::default_concurrency())}) {}
ThreadLimit::~ThreadLimit() = default;
ThreadLimit::ThreadLimit(ThreadLimit&&) noexcept = default;
ThreadLimit& ThreadLimit::operator=(ThreadLimit&&) noexcept = default;

int thread_count() { return static_cast<int>(global_control::active_value(global_control::max_allowed_parallelism)); }

Index worker_count() { return std::max<Index>(1, tbb::this_task_arena::max_concurrency()); }
// The index is negative for a thread without an arena, which is then the only one in its loop.
Index worker_index() { return std::max<Index>(0, tbb::this_task_arena::current_thread_index()); }

// fork() copies one thread alone: a child whose parent has used the pool would wait for threads that are not there.
static std::atomic<bool> pool_is_used = false, pool_is_lost = false;
[[maybe_unused]] static const int fork_handler =
    ::pthread_atfork(nullptr, nullptr, [] { pool_is_lost = pool_is_used.load(); });

// Cuts as the pool does, so that the results have the same bits.
template <class Piece>
static void run_serially(tbb::blocked_range<Index> range, const Piece& piece) {
    if (!range.is_divisible()) return piece(range);
    tbb::blocked_range<Index> behind(range, tbb::split());
    run_serially(range, piece);
    run_serially(behind, piece);
}

void detail::parallel_for(Index count, Index grain, void* body, void (*call)(void*, Index, Index)) {
    if (count <= 0) return;
    grain = std::max<Index>(grain, 1);
    if (count <= grain) return call(body, 0, count);
    // What a worker leaves in its scratch is seen by the next thread that takes its place.
    char begun = 0, ended = 0, places[64] = {};
    publish(begun);
    const ObserveAtEnd after{ended};
    const unsigned caller = float_control();
    const auto piece = [&](const tbb::blocked_range<Index>& range) {
        char& place = places[worker_index() % 64];
        observe(begun);
        observe(place);
        const PublishAtEnd left{place}, done{ended};
        const FloatControl as_caller(caller);
        call(body, range.begin(), range.end());
    };
    const tbb::blocked_range<Index> all(0, count, grain);
    if (pool_is_lost) return run_serially(all, piece);
    if (!pool_is_used.load(std::memory_order_relaxed)) pool_is_used = true;  // small loops are many: they only read
    // Without isolation a thread that waits for its loop would run any other task of the pool, which may lock what this
    // thread has locked. The simple partitioner cuts the same way for every number of threads.
    tbb::this_task_arena::isolate([&] { tbb::parallel_for(all, piece, tbb::simple_partitioner()); });
}

}  // namespace kvmem
