// A small data set of events: users walk on a ring of items, a step each day.
#pragma once

#include "kvmem/tasks/recommendation/events_builder.hpp"

#include <string>

namespace kvmem::test {

// Users u = 0, 1, .. begin at item u and go on by one. The last event of a user is for test, the one before for valid.
// Items are even or odd, which is their feature.
inline EventsDataset ring_events(Index users = 24, Index length = 10, Index items = 8) {
    EventsBuilder builder;
    for (Index i = 0; i < items; ++i) {
        const Token item = builder.object("item", "i" + std::to_string(i));
        builder.set_text("item", item, "Item " + std::to_string(i));
        builder.add_value("item", item, "parity", i % 2 == 0 ? "even" : "odd");
    }
    for (Index user = 0; user < users; ++user)
        for (Index t = 0; t < length; ++t) {
            const std::string name = "u" + std::to_string(user), item = "i" + std::to_string((user + t) % items);
            EventRow row{.user = name, .object = item, .time = (user + t) * 86400};
            row.mark = t + 1 == length ? EventMark::test : t + 2 == length ? EventMark::valid : EventMark::train;
            builder.add(row);
        }
    EventsDataset dataset = builder.finish();
    dataset.info.title = "Ring";
    return dataset;
}

}  // namespace kvmem::test
