// Targets beside items that their users do not have in training. Not installed.
#pragma once

#include "kvmem/tasks/recommendation/model.hpp"

#include <span>
#include <vector>

namespace kvmem {

// A number below `count` for which has(number) is false, if 100 draws find one.
template <class Has>
[[nodiscard]] Token draw_without(Index count, Rng& rng, Has has) {
    Token item = 0;
    for (int i = 0; i < 100; ++i) {
        item = static_cast<Token>(rng.below(count));
        if (!has(item)) break;
    }
    return item;
}

// The events of the user of `event` up to the last target of training. What is not in them may be a
// negative. Later events are not looked at: a model would learn that what it is tested with is never a negative.
[[nodiscard]] History known_events(const Events& events, Index event);

// The generator of the negative of a target that has the same one in each epoch.
[[nodiscard]] Rng negative_of(std::uint64_t seed, Index target);

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
