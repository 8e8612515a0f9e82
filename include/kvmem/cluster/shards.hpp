// Requests to shards: parts of one memory, each of which may be in another process.
//
// What answers for a shard takes a request of any bytes and gives a reply. How requests come to shards is not known to
// what sends them: shards are in this process, or with the ranks of a cluster, or behind servers.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// Answers a request to one shard. Throws Error for a request that it does not understand. Several threads may call it.
using ShardReader = std::function<std::string(std::string_view request)>;

// The readers of shards that answer() requests. The shards must outlive them.
template <class T>
std::vector<ShardReader> readers_of(const std::vector<T>& shards) {
    std::vector<ShardReader> readers;
    readers.reserve(shards.size());
    for (const T& shard : shards)
        readers.emplace_back([&shard](std::string_view request) { return shard.answer(request); });
    return readers;
}

// Sends a request to all shards and returns their replies, in the order of the shards. The reply is empty of a shard
// that could not be reached. Several threads may call it unless its maker says otherwise.
using ShardCall = std::function<std::vector<std::string>(std::string_view request)>;

// Calls shards in this process, which must outlive it, on all threads.
ShardCall call_to(const std::vector<ShardReader>& shards);

// The items [first, last) of a part when items are dealt in their order, such as shards to ranks. Parts have as many,
// but the first ones may have one more.
struct Dealt {
    // The first one, and one past the last.
    Index first = 0, last = 0;
};
// The items of one part of `parts`, counted from 0.
Dealt deal_evenly(Index items, Index part, Index parts);

// On rank 0: calls the shards of all ranks, this rank's among them, on one thread at a time. The others are in
// serve_shards() meanwhile. Both arguments must outlive it.
ShardCall call_to_ranks(Cluster& cluster, const std::vector<ShardReader>& own);
// On rank 0: ends serve_shards() on the others.
void end_shards(Cluster& cluster);
// On the other ranks: answers for their shards until rank 0 calls end_shards().
void serve_shards(Cluster& cluster, const std::vector<ShardReader>& own);

}  // namespace kvmem
