// Targets beside items that their users do not have in training. Not installed.
#pragma once

#include "kvmem/tasks/recommendation/model.hpp"

#include <span>
#include <vector>

namespace kvmem {

// The target of each window, its history, and one object of its group that its user does not have up to the last target
// of training.
struct TargetPairs {
    std::vector<History> histories;
    std::vector<Index> groups;
    std::vector<Token> targets, negatives;
};
// Each window has one target. Negatives are uniform; without `redraw` one is drawn by the seed and the target's number,
// so that it is the same in each epoch.
[[nodiscard]] TargetPairs target_pairs(const Events& events, std::span<const Window> windows, const Catalog& catalog,
                                       bool redraw, std::uint64_t seed, Rng& rng);

}  // namespace kvmem
