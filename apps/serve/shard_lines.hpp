// The servers of a store's shards, and connections to them that stay open.
#pragma once

#include "reply_reader.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::apps {

// What servers have shards of.
enum class ServedKind { store, documents, memory };

// A server that has a shard.
struct Replica {
    std::string url;   // http://HOST:PORT/STORE, or http://HOST:PORT of others
    std::string host;  // with its port
    std::string path;  // what its operations are behind
    boost::asio::ip::tcp::endpoint endpoint;
};

// The replica of such a URL. Throws Error for another text, and for a host that is not found.
Replica replica_of(const std::string& url, ServedKind kind);

class Shard {
  public:
    explicit Shard(std::vector<Replica> all) : replicas(std::move(all)), back_off_ends_(replicas.size()) {}

    const std::vector<Replica> replicas;
    mutable std::atomic<std::size_t> preferred = 0;  // the replica that answered last

    // Calls back off from a replica that was too slow, so that not every call waits for it.
    bool backs_off(std::size_t replica) const;
    void set_back_off(std::size_t replica, std::chrono::steady_clock::duration time) const;  // at most 10 s

  private:
    using Clock = std::chrono::steady_clock;
    mutable std::vector<std::atomic<Clock::rep>> back_off_ends_;  // ticks of the clock
};

// What is sent to every shard.
struct ShardRequest {
    std::string operation;        // "search"
    std::string query{};          // "?k=10", or ""
    std::string type, accept;     // media types
    std::string authorization{};  // a line of the header, or ""
    const std::string& body;
    std::vector<bool> without{};  // the shards that it is not sent to; empty: none
};

// A shard's result or its refusal of the request (400, 413, 414, 431), or why no replica gave one. Empty for a shard
// that no request was sent to.
struct ShardAnswer {
    std::optional<HttpReply> reply;
    std::string url;  // of the replica that was tried last
    std::string failure{};

    // What is said of a shard without a reply.
    std::string missing() const { return url + ": " + failure; }
};

// Connections for one call at a time.
class ShardLines {
  public:
    explicit ShardLines(const std::vector<std::unique_ptr<Shard>>& shards);

    // Sends the request to all shards at once. A replica that fails, or gives no reply in time, is left for the next
    // one of its shard. So a call takes at most the time-out times the most replicas of a shard. Calls back off from a
    // replica without a reply in time, for five time-outs, up to 10 s. If no other replies, one such is tried.
    std::vector<ShardAnswer> call(const ShardRequest& request, std::chrono::milliseconds timeout);

  private:
    const std::vector<std::unique_ptr<Shard>>& shards_;
    boost::asio::io_context io_{1};
    std::vector<std::vector<boost::asio::ip::tcp::socket>> sockets_;  // of each shard's replicas
};

}  // namespace kvmem::apps
