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

// Of the marked items of a group the 50 that share most of the values of their features with `item` (Jaccard's
// coefficient); of equal ones the first. The coefficients are the weights, divided by their sum. Items that share
// nothing are left out.
[[nodiscard]] std::vector<LikeItem> items_like(const ObjectGroup& group, Token item,
                                               std::span<const std::uint8_t> marked);

}  // namespace kvmem
