#include "train/batches.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

Batches::Batches(const Objective& objective, std::vector<Index> order, Index max_items, Index max_size)
    : order_(std::move(order)) {
    Index begin = 0, sum = 0;
    for (Index i = 0; i < std::ssize(order_); ++i) {
        const Index size = max_size > 0 ? objective.size(order_[i]) : 0;
        if (i > begin && (i - begin == max_items || sum + size > max_size)) {
            ends_.push_back(i);
            begin = i;
            sum = 0;
        }
        sum += size;
    }
    if (!order_.empty()) ends_.push_back(std::ssize(order_));
}

// The number of first items whose sum is nearest to `target`, the smaller one of two.
static Index nearest_cut(const std::vector<Index>& sums, Index target) {
    const Index cut = std::ranges::upper_bound(sums, target) - sums.begin();
    if (cut == std::ssize(sums)) return cut;
    const Index before = cut == 0 ? 0 : sums[cut - 1];
    return sums[cut] - target < target - before ? cut + 1 : cut;
}

std::vector<Index> shard_ends(const Objective& objective, std::span<const Index> items, Index shards) {
    std::vector<Index> sums;  // of the sizes up to each item, with it
    for (const Index item : items) sums.push_back((sums.empty() ? 0 : sums.back()) + objective.size(item));
    std::vector<Index> ends(shards, std::ssize(items));
    for (Index shard = 0; shard + 1 < shards && !sums.empty(); ++shard)
        ends[shard] = nearest_cut(sums, sums.back() * (shard + 1) / shards);
    return ends;
}

}  // namespace kvmem
