#include "tasks/recommendation/negatives.hpp"

namespace kvmem {

History known_events(const Events& events, Index event) {
    auto [first, end] = events.of_user(events.user_of(event));
    while (end > event + 1 && events.mark[end - 1] != EventMark::train) --end;
    return {&events, first, end, events.time[end - 1]};
}

Rng negative_of(std::uint64_t seed, Index target) { return Rng(seed, {0x6e6567u, static_cast<std::uint64_t>(target)}); }

static Token draw_unseen(const Events& events, Index event, const Catalog& catalog, Rng& rng) {
    const History known = known_events(events, event);
    const Index group = events.group[event];
    return draw_without(catalog.groups[group].size(), rng, [&](Token item) { return known.has(group, item); });
}

TargetPairs target_pairs(const Events& events, std::span<const Window> windows, const Catalog& catalog, bool redraw,
                         std::uint64_t seed, Rng& rng) {
    TargetPairs pairs;
    for (const Window& window : windows) {
        const Index target = window.begin;
        pairs.histories.push_back({&events, window.first, basket_begin(events, target), events.time[target]});
        pairs.groups.push_back(events.group[target]);
        pairs.targets.push_back(events.object[target]);
        Rng once = negative_of(seed, target);
        pairs.negatives.push_back(draw_unseen(events, target, catalog, redraw ? rng : once));
    }
    return pairs;
}

}  // namespace kvmem
