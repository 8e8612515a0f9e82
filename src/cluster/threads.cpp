#include "kvmem/cluster/threads.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

namespace kvmem {

namespace {
struct Message {
    int call;
    std::vector<std::byte> bytes;
};

std::string text_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an exception";
    }
}

// What the ranks share: messages under way, and the first failure.
class Post {
  public:
    explicit Post(Index size) : size_(size), boxes_(static_cast<std::size_t>(size * size)) {}

    void send(Index from, Index to, Message message) {
        {
            const std::lock_guard lock(mutex_);
            boxes_[from * size_ + to].push_back(std::move(message));
        }
        arrived_.notify_all();
    }
    // Waits for the next message. Throws Error when a rank has failed.
    Message receive(Index from, Index to) {
        std::unique_lock lock(mutex_);
        std::deque<Message>& box = boxes_[from * size_ + to];
        arrived_.wait(lock, [&] { return failure_ || !box.empty(); });
        if (failure_)
            throw Error({.what = "rank " + std::to_string(failed_) + " has failed",
                         .expected = "a message of rank " + std::to_string(from),
                         .got = text_,
                         .where = "cluster"});
        Message message = std::move(box.front());
        box.pop_front();
        return message;
    }
    void fail(Index rank, std::exception_ptr failure) {
        {
            const std::lock_guard lock(mutex_);
            if (failure_) return;
            failure_ = std::move(failure);
            failed_ = rank;
            text_ = text_of(failure_);
        }
        arrived_.notify_all();
    }
    void rethrow() const {
        if (!failure_) return;
        try {
            std::rethrow_exception(failure_);
        } catch (const Error& e) {
            const std::string& where = e.problem().where;
            throw Error(e.problem_at("rank " + std::to_string(failed_) + (where.empty() ? "" : ", " + where)));
        }
    }

    std::atomic<bool> stop = false;

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    Index size_, failed_ = 0;
    std::vector<std::deque<Message>> boxes_;  // [from, to]
    std::exception_ptr failure_;
    std::string text_;  // of the failure
};

class ThreadCluster final : public Cluster {
  public:
    ThreadCluster(Index rank, Index size, Post& post) : Cluster(rank, size), post_(post) {}
    void request_stop() override { post_.stop = true; }
    bool stop_requested() override { return post_.stop; }

  private:
    void transfer(Call call, std::span<const Outgoing> out, std::span<Incoming> in) override {
        for (const Outgoing& message : out)
            post_.send(rank(), message.rank, {static_cast<int>(call), {message.bytes.begin(), message.bytes.end()}});
        for (Incoming& message : in) {
            const Message got = post_.receive(message.rank, rank());
            require_same(call, got.call, message.rank);
            std::ranges::copy(got.bytes, message.place(got.bytes.size()).begin());
        }
    }

    Post& post_;
};
}  // namespace

void run_on_threads(Index size, const std::function<void(Cluster&)>& body) {
    Post post(size);
    {
        std::vector<std::jthread> threads;
        for (Index rank = 0; rank < size; ++rank)
            threads.emplace_back([&, rank] {
                try {
                    ThreadCluster cluster(rank, size, post);
                    body(cluster);
                    cluster.end();
                } catch (...) {
                    post.fail(rank, std::current_exception());
                }
            });
    }
    post.rethrow();
}

}  // namespace kvmem
