// Parallel loops over one pool of threads (oneTBB's), which everything in the process shares.
//
// kvmem is *bit-reproducible*: the same call gives the same bits on any number of threads, whatever else runs. For this
// every loop writes each result from one iteration only, or sums parts in a fixed order. A declaration says where bits
// do not depend on the rest of a batch either. They may differ between instruction sets (KVMEM_ISA) and compilers.
#pragma once

#include "kvmem/core/types.hpp"

#include <memory>
#include <type_traits>

namespace kvmem {

// Bounds the threads of every loop in this process for as long as the object lives (0: as many as there are cores). Of
// several limits the smallest counts.
class ThreadLimit {
  public:
    // Sets the limit.
    explicit ThreadLimit(int threads);
    ~ThreadLimit();
    ThreadLimit(ThreadLimit&&) noexcept;
    ThreadLimit& operator=(ThreadLimit&&) noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// How many threads a loop may use now.
[[nodiscard]] int thread_count();

// Numbers the threads of a loop, so that each can have scratch of its own: worker_index() is below worker_count(), and
// two bodies that run at once never have the same. It holds for bodies that start no loop of their own.
[[nodiscard]] Index worker_count();
[[nodiscard]] Index worker_index();

namespace detail {
// The loop below, with any body behind a pointer.
void parallel_for(Index count, Index grain, void* body, void (*call)(void* body, Index first, Index last));
}  // namespace detail

// Calls body(first, last) on several threads for ranges of about `grain` iterations that cover [0, count). A loop of at
// most `grain` iterations runs in the caller without touching the pool. An exception from the body is rethrown here.
// The caller may hold a lock: while it waits, it runs nothing but this loop. A forked child's loops run in the caller.
template <class Body>
void parallel_for(Index count, Index grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    detail::parallel_for(count, grain, const_cast<std::remove_const_t<Plain>*>(&body),
                         [](void* b, Index first, Index last) { (*static_cast<Plain*>(b))(first, last); });
}

}  // namespace kvmem
