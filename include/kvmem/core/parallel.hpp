// Parallel loops over one pool of threads (oneTBB's), shared by everything in the process.
//
// Every loop in kvmem writes each result from one iteration only, or sums parts in a fixed order: what
// comes out has the same bits on any number of threads.
#pragma once

#include "kvmem/core/types.hpp"

#include <memory>
#include <type_traits>

namespace kvmem {

// While it lives, no loop in this process uses more than `threads` threads (0: as many as there are
// cores). Several may live at once; the smallest counts.
class ThreadLimit {
  public:
    explicit ThreadLimit(int threads);
    ~ThreadLimit();
    ThreadLimit(ThreadLimit&&) noexcept;
    ThreadLimit& operator=(ThreadLimit&&) noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// How many threads a loop may use now.
int thread_count();

// Scratch for each thread that may take part in a loop: worker_index() is below worker_count() and never the same for
// two bodies that run at once. It holds for a body that starts no loop of its own.
Index worker_count();
Index worker_index();

namespace detail {
void parallel_for(Index count, Index grain, void* body, void (*call)(void* body, Index first, Index last));
}

// Calls body(first, last) for ranges that cover [0, count), each of `grain` iterations or so, at once on
// several threads. A loop of at most `grain` iterations runs in the caller without touching the pool. An
// exception from the body is rethrown here. While the caller waits it runs nothing but this loop, so that it may hold
// a lock.
template <class Body>
void parallel_for(Index count, Index grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    detail::parallel_for(count, grain, const_cast<std::remove_const_t<Plain>*>(&body),
                         [](void* b, Index first, Index last) { (*static_cast<Plain*>(b))(first, last); });
}

}  // namespace kvmem
