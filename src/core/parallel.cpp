#include "kvmem/core/parallel.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>

namespace kvmem {

using tbb::global_control;

struct ThreadLimit::Impl {
    global_control control;
};

ThreadLimit::ThreadLimit(int threads)
    : impl_(new Impl{
          global_control(global_control::max_allowed_parallelism,
                         static_cast<std::size_t>(threads > 0 ? threads : tbb::info::default_concurrency()))}) {}
ThreadLimit::~ThreadLimit() = default;
ThreadLimit::ThreadLimit(ThreadLimit&&) noexcept = default;
ThreadLimit& ThreadLimit::operator=(ThreadLimit&&) noexcept = default;

int thread_count() { return static_cast<int>(global_control::active_value(global_control::max_allowed_parallelism)); }

void detail::parallel_for(Index count, Index grain, void* body, void (*call)(void*, Index, Index)) {
    if (count <= 0) return;
    grain = std::max<Index>(grain, 1);
    if (count <= grain) return call(body, 0, count);
    // The simple partitioner cuts the same way for every number of threads.
    tbb::parallel_for(
        tbb::blocked_range<Index>(0, count, static_cast<std::size_t>(grain)),
        [&](const tbb::blocked_range<Index>& range) { call(body, range.begin(), range.end()); },
        tbb::simple_partitioner());
}

}  // namespace kvmem
