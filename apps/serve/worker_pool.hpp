// Threads that compute replies, and the queue of what waits for them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kvmem::apps {

class WorkerPool {
  public:
    WorkerPool(int threads, std::size_t max_waiting);
    // Ends when all jobs are done.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Runs a job, which must not throw, on one of the threads. Returns false when too many wait; a job that goes on
    // with one that was let in is let in always.
    bool add(std::function<void()> job, bool goes_on = false);
    std::size_t waiting() const;

  private:
    void run();

    std::size_t max_waiting_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    bool ends_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace kvmem::apps
