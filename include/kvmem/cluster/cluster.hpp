// Processes that compute together, each with a rank from 0 to size() - 1.
//
// Every rank calls the same functions in the same order; a rank that is elsewhere, has ended or has failed is an Error
// on the others, which name it. An implementation moves bytes between ranks (transfer()), and everything else is made
// of that here: so results are the same on MPI (cluster/mpi.hpp) and on threads (cluster/threads.hpp). Numbers are
// sent as they lie in memory: all ranks must be machines of one kind.
#pragma once

#include "kvmem/core/types.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// What a rank has sent to others.
struct ClusterCounts {
    // The numbers of messages, and of their bytes.
    Index messages = 0;
    Index bytes = 0;
};

// Bytes for another rank.
struct Outgoing {
    // The rank that receives them, and the bytes, which must outlive the call.
    Index rank;
    std::span<const std::byte> bytes;
};
// Bytes from another rank.
struct Incoming {
    // The rank that sends them.
    Index rank;
    // Called with the number of bytes: returns where they go. It may throw Error for a number that it does not expect.
    std::function<std::span<std::byte>(std::size_t)> place;
};

// The rank of one process. One thread may use it.
class Cluster {
  public:
    virtual ~Cluster() = default;
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    // The number of this process, and that of all.
    Index rank() const { return rank_; }
    Index size() const { return size_; }

    // Sends and receives at once. Each message that is sent here must be received by its rank in the same call there.
    void exchange(std::span<const Outgoing> out, std::span<Incoming> in) { run(Call::exchange, out, in); }
    // The texts of all ranks, by rank, on every rank. A text may hold any bytes.
    std::vector<std::string> gather(std::string_view own);
    // Gives every rank the bytes of rank `root`: log2(size) messages one after the other.
    void broadcast(std::string& bytes, Index root = 0);
    // Returns when every rank has called it.
    void barrier() { gather({}); }
    // The last call: returns when every rank has called it.
    void end();

    // Tells all ranks, wherever they are, that they should stop soon; stop_requested() is true on each of them from
    // some moment on.
    virtual void request_stop() = 0;
    virtual bool stop_requested() = 0;

    // The messages and bytes that this rank has sent so far.
    const ClusterCounts& counts() const { return counts_; }
    // From now on, an exchange takes at least this time, as if messages went a long way: for tests and measurements.
    void delay(std::chrono::microseconds time) { delay_ = time; }

  protected:
    // The number of this rank, and that of all.
    Cluster(Index rank, Index size) : rank_(rank), size_(size) {}
    // The call that a message belongs to, which tells ranks that are elsewhere.
    enum class Call : int { exchange = 1, gather, broadcast, end };
    // Moves the bytes and returns when all have been sent and received. Throws Error when the next message of a rank
    // belongs to another call (require_same()), and when a rank is no more.
    virtual void transfer(Call call, std::span<const Outgoing> out, std::span<Incoming> in) = 0;
    // Throws Error unless the message of `rank` belongs to the call.
    static void require_same(Call call, int got, Index rank);

  private:
    void run(Call call, std::span<const Outgoing> out, std::span<Incoming> in);
    std::vector<std::string> all_to_all(Call call, std::string_view own);

    Index rank_, size_;
    ClusterCounts counts_;
    std::chrono::microseconds delay_{0};
};

}  // namespace kvmem
