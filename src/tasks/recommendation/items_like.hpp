// Items like another by their features: what stands for an item of which nothing else is known. Not installed.
#pragma once

#include "kvmem/tasks/recommendation/dataset.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace kvmem {

// An item, and its weight in a mean.
using LikeItem = std::pair<Token, Real>;

// For each of some items the 10 marked ones of the group that are most like it, the most like first. Each value of a
// feature that both have counts log((n + 1) / m), if m of n marked ones have it, so that rare ones count more. Of equal
// ones the first. These sums, divided by theirs, are the weights. Items that share no value are left out. Runs on all
// threads.
[[nodiscard]] std::vector<std::vector<LikeItem>> items_like(const ObjectGroup& group, std::span<const Token> items,
                                                            std::span<const std::uint8_t> marked);

}  // namespace kvmem
