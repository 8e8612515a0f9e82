#include "tasks/qa/shard_of.hpp"

#include "kvmem/core/error.hpp"

namespace kvmem {

std::string text_of(const std::optional<ShardOf>& shard) {
    if (!shard) return "no shard";
    return "shard " + std::to_string(shard->number) + " of " + std::to_string(shard->count) +
           (shard->set.empty() ? "" : " of " + shard->set);
}

bool is_shard(const std::optional<ShardOf>& shard, const ShardOf& wanted) {
    return shard && shard->set == wanted.set && shard->number == wanted.number && shard->count == wanted.count;
}

void ShardSet::add(const ShardOf& shard, Index at, Index calls) {
    if (count_ == 0) set_ = shard.set, count_ = shard.count;
    const ShardOf wanted{.set = set_, .number = at, .count = count_};
    if (!is_shard(shard, wanted))
        throw Error({.what = "shards do not belong together", .expected = text_of(wanted), .got = text_of(shard)});
    if (count_ != calls)
        throw Error({.what = "there are not as many shards as belong together",
                     .expected = std::to_string(count_) + (set_.empty() ? "" : " of " + set_),
                     .got = std::to_string(calls)});
}

void ShardSet::require_some(Index calls) const {
    if (count_ == 0)
        throw Error({.what = "no shard replies",
                     .expected = "a reply of one at least",
                     .got = "none of " + std::to_string(calls)});
}

}  // namespace kvmem
