// What must hold on every cluster, whatever moves its bytes.
#pragma once

#include "kvmem/cluster/cluster.hpp"
#include "kvmem/core/error.hpp"

#include <string>
#include <vector>

namespace kvmem {

inline void require_holds(bool holds, const std::string& what, const Cluster& cluster) {
    if (!holds) throw Error({.what = what + " does not hold", .where = "rank " + std::to_string(cluster.rank())});
}

// A text of a rank, which may be empty or long.
inline std::string text_of_rank(Index rank) { return std::string(rank * rank * 10'000, static_cast<char>('a' + rank)); }

inline void check_gather(Cluster& cluster) {
    const std::vector<std::string> all = cluster.gather(text_of_rank(cluster.rank()));
    require_holds(std::ssize(all) == cluster.size(), "a text of each rank", cluster);
    for (Index rank = 0; rank < cluster.size(); ++rank)
        require_holds(all[rank] == text_of_rank(rank), "the text of rank " + std::to_string(rank), cluster);
}

inline void check_broadcast(Cluster& cluster) {
    for (Index root = 0; root < cluster.size(); ++root) {
        std::string text = root == cluster.rank() ? "of " + std::to_string(root) : "another";
        cluster.broadcast(text, root);
        require_holds(text == "of " + std::to_string(root), "what the root has", cluster);
    }
}

// Each rank sends its number to the next rank, `count` times, and more bytes each time.
inline void check_exchange(Cluster& cluster, Index count) {
    const Index next = (cluster.rank() + 1) % cluster.size(),
                last = (cluster.rank() + cluster.size() - 1) % cluster.size();
    if (next == cluster.rank()) return;
    const ClusterCounts before = cluster.counts();
    Index sent = 0;
    for (Index i = 0; i < count; ++i) {
        const std::vector<Index> own(i * 100, cluster.rank());
        std::vector<Index> got;
        const Outgoing out{next, std::as_bytes(std::span(own))};
        Incoming in{last, [&](std::size_t size) {
                        got.resize(size / sizeof(Index));
                        return std::as_writable_bytes(std::span(got));
                    }};
        cluster.exchange({&out, 1}, {&in, 1});
        sent += std::ssize(out.bytes);
        require_holds(got == std::vector<Index>(i * 100, last), "the numbers of the last rank", cluster);
    }
    require_holds(cluster.counts().messages == before.messages + count, "a message is counted", cluster);
    require_holds(cluster.counts().bytes == before.bytes + sent, "a byte is counted", cluster);
}

inline void check_stop(Cluster& cluster) {
    require_holds(!cluster.stop_requested(), "nobody has requested a stop", cluster);
    cluster.barrier();
    if (cluster.rank() == cluster.size() - 1) cluster.request_stop();
    while (!cluster.stop_requested()) {
    }
    cluster.barrier();
}

inline void check_cluster(Cluster& cluster) {
    check_gather(cluster);
    check_broadcast(cluster);
    check_exchange(cluster, 20);
    check_stop(cluster);
}

}  // namespace kvmem
