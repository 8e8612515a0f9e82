// What a user has done before a time: all that a model knows of the user.
#pragma once

#include "kvmem/tasks/recommendation/dataset.hpp"

#include <algorithm>

namespace kvmem {

// Events [first, end) of one user, in the order of time. The events must outlive it.
struct History {
    // The events, and the range in them.
    const Events* events = nullptr;
    Index first = 0, end = 0;
    Index now = 0;  // the time of the recommendation, in seconds, not before the last event

    // The number of events.
    Index size() const { return end - first; }
    // The last events alone, at most `count`.
    History last(Index count) const { return {events, std::max(first, end - count), end, now}; }
    // Whether one of the events is of this object of this group.
    bool has(Index group, Token object) const {
        for (Index e = first; e < end; ++e)
            if (events->group[e] == group && events->object[e] == object) return true;
        return false;
    }
};

// The first event of the basket of `event`, or the event itself if it is in none: a target's history ends there.
inline Index basket_begin(const Events& events, Index event) {
    if (events.basket.empty() || events.basket[event] < 0) return event;
    while (event > 0 && events.basket[event - 1] == events.basket[event]) --event;
    return event;
}

}  // namespace kvmem
