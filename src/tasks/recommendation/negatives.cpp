#include "tasks/recommendation/negatives.hpp"

namespace kvmem {

// An object of the group of `event` that its user does not have in training, if 100 draws find one. A user's later
// events are not looked at: a model would learn that what it is tested with is never a negative.
static Token draw_unseen(const Events& events, Index event, const Catalog& catalog, Rng& rng) {
    auto [first, end] = events.of_user(events.user_of(event));
    while (end > event + 1 && events.mark[end - 1] != EventMark::train) --end;
    const Index group = events.group[event];
    Token item = 0;
    for (int i = 0; i < 100; ++i) {
        item = static_cast<Token>(rng.below(catalog.groups[group].size()));
        bool has = false;
        for (Index e = first; e < end && !has; ++e) has = events.group[e] == group && events.object[e] == item;
        if (!has) break;
    }
    return item;
}

TargetPairs target_pairs(const Events& events, std::span<const Window> windows, const Catalog& catalog, bool redraw,
                         std::uint64_t seed, Rng& rng) {
    TargetPairs pairs;
    for (const Window& window : windows) {
        const Index target = window.begin;
        pairs.histories.push_back({&events, window.first, basket_begin(events, target), events.time[target]});
        pairs.groups.push_back(events.group[target]);
        pairs.targets.push_back(events.object[target]);
        Rng once(seed, {0x6e6567u, static_cast<std::uint64_t>(target)});
        pairs.negatives.push_back(draw_unseen(events, target, catalog, redraw ? rng : once));
    }
    return pairs;
}

}  // namespace kvmem
