#include "kvmem/cluster/shards.hpp"

#include "cluster/gather.hpp"
#include "io/byte_stream.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kvmem {

std::vector<std::string> gather_at_first(Cluster& cluster, std::string own) {
    if (cluster.rank() > 0) {
        const Outgoing out{0, std::as_bytes(std::span(own))};
        cluster.exchange({&out, 1}, {});
        return {};
    }
    std::vector<std::string> texts(static_cast<std::size_t>(cluster.size()));
    texts[0] = std::move(own);
    std::vector<Incoming> in;
    in.reserve(texts.size());
    for (Index rank = 1; rank < cluster.size(); ++rank)
        in.push_back({rank, [&text = texts[rank]](std::size_t size) {
                          text.resize(size);
                          return std::as_writable_bytes(std::span(text));
                      }});
    cluster.exchange({}, in);
    return texts;
}

static std::vector<std::string> answers_of(const std::vector<ShardReader>& shards, std::string_view request) {
    std::vector<std::string> replies(shards.size());
    parallel_for(std::ssize(shards), 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) replies[i] = shards[i](request);
    });
    return replies;
}

ShardCall call_to(const std::vector<ShardReader>& shards) {
    return [&shards](std::string_view request) { return answers_of(shards, request); };
}

Dealt deal_evenly(Index items, Index part, Index parts) {
    const auto first = [&](Index p) { return items / parts * p + std::min(p, items % parts); };
    return {first(part), first(part + 1)};
}

// A message of rank 0 to the others: a request behind this byte, or nothing at the end.
static constexpr char request_mark = 'r';

// The replies of all shards on rank 0, and none on the others.
static std::vector<std::string> collect(Cluster& cluster, const std::vector<ShardReader>& own,
                                        std::string_view request) {
    std::vector<std::string> replies = answers_of(own, request);
    ByteWriter out;
    out(replies);
    const std::vector<std::string> all = gather_at_first(cluster, std::move(out.bytes));
    replies.clear();
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        ByteReader in(all[rank], "replies of rank " + std::to_string(rank));
        std::vector<std::string> more;
        in(more);
        in.require_end();
        std::ranges::move(more, std::back_inserter(replies));
    }
    return replies;
}

ShardCall call_to_ranks(Cluster& cluster, const std::vector<ShardReader>& own) {
    return [&cluster, &own](std::string_view request) {
        std::string message = request_mark + std::string(request);
        cluster.broadcast(message);
        return collect(cluster, own, request);
    };
}

void end_shards(Cluster& cluster) {
    std::string nothing;
    cluster.broadcast(nothing);
}

void serve_shards(Cluster& cluster, const std::vector<ShardReader>& own) {
    for (std::string message;;) {
        cluster.broadcast(message);
        if (message.empty()) return;
        collect(cluster, own, std::string_view(message).substr(1));
    }
}

}  // namespace kvmem
