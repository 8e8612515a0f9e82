#include "kvmem/cluster/shards.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <cstring>

namespace kvmem {

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

// Texts one after the other, each behind its length.
static std::string packed(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) {
        const Index size = std::ssize(text);
        all.append(reinterpret_cast<const char*>(&size), sizeof size) += text;
    }
    return all;
}

static void unpack(std::string_view all, Index rank, std::vector<std::string>& texts) {
    while (!all.empty()) {
        Index size = -1;
        if (all.size() >= sizeof size) std::memcpy(&size, all.data(), sizeof size);
        if (size < 0 || size > std::ssize(all) - static_cast<Index>(sizeof size))
            throw Error({.what = "replies of rank " + std::to_string(rank) + " cannot be read",
                         .expected = "texts behind their lengths",
                         .got = std::to_string(all.size()) + " bytes",
                         .where = "cluster",
                         .hint = "start all ranks with the same program"});
        texts.emplace_back(all.substr(sizeof size, static_cast<std::size_t>(size)));
        all.remove_prefix(sizeof size + static_cast<std::size_t>(size));
    }
}

// A message of rank 0 to the others: a request behind this byte, or nothing at the end.
static constexpr char request_mark = 'r';

// The replies of all shards on rank 0, and none on the others.
static std::vector<std::string> collect(Cluster& cluster, const std::vector<ShardReader>& own,
                                        std::string_view request) {
    std::vector<std::string> replies = answers_of(own, request);
    if (cluster.rank() > 0) {
        const std::string all = packed(replies);
        const Outgoing out{0, std::as_bytes(std::span(all))};
        cluster.exchange({&out, 1}, {});
        return {};
    }
    std::vector<std::string> texts(static_cast<std::size_t>(cluster.size()));
    std::vector<Incoming> in;
    in.reserve(texts.size());
    for (Index rank = 1; rank < cluster.size(); ++rank)
        in.push_back({rank, [&text = texts[rank]](std::size_t size) {
                          text.resize(size);
                          return std::as_writable_bytes(std::span(text));
                      }});
    cluster.exchange({}, in);
    for (Index rank = 1; rank < cluster.size(); ++rank) unpack(texts[rank], rank, replies);
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
