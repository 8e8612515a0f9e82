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

// Of the marked items of a group the 10 that are most like `item`: each value of a feature that both have counts
// log((n + 1) / m), if m of n have it, so that rare ones count more. Of equal ones the first. These sums, divided by
// theirs, are the weights. Items that share no value are left out.
[[nodiscard]] std::vector<LikeItem> items_like(const ObjectGroup& group, Token item,
                                               std::span<const std::uint8_t> marked);

}  // namespace kvmem
