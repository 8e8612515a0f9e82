// What a data set of events holds.
#pragma once

#include "kvmem/tasks/recommendation/splits.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace kvmem {

// The targets of a split, and what training never saw of them.
struct TargetsReport {
    Index targets = 0, users = 0;  // events, and users that have any
    // Users without an event of train before their first target, and the targets without one before them.
    Index new_users = 0, of_new_users = 0;
    Index of_new_objects = 0;  // targets whose object no event of train has
    Index repeats = 0;         // targets whose object the user had before
};

// A data set of events in numbers.
struct EventsReport {
    std::vector<Index> of_action, of_group;  // the number of events
    std::vector<Index> lengths;              // the events of each user, sorted
    Index first = 0, last = 0;               // times
    Index tied = 0;                          // events that share their second (Events::is_tied)
    Index repeats = 0;                       // events whose object the user had before
    Index baskets = 0, in_baskets = 0;       // baskets, and events in them
    std::array<TargetsReport, 4> marks;      // by EventMark
    EventSplitReport split;                  // of the marks
    // The drift of popularity: which share of the most frequent objects of a quarter of the time, at most `top`, were
    // so in the quarter before.
    std::array<double, 3> stay{};
    static constexpr std::size_t top = 100;
    double share_of_top = 0;  // of all events, that of the most frequent hundredth of the objects
};

// The report of a data set that is valid.
EventsReport events_report(const EventsDataset& dataset);

}  // namespace kvmem
