// A small data set of events.
#pragma once

#include "kvmem/tasks/recommendation/events_builder.hpp"

namespace kvmem::test {

// Two users, items and a query; a basket, values, texts, and features of items and users.
inline EventsDataset small_events() {
    EventsBuilder builder;
    builder.add({.user = "ann", .object = "tea pot", .time = 100, .group = "query", .action = "search"});
    builder.add({.user = "ann", .object = "pot", .time = 160, .action = "buy", .value = 2.5, .basket = "7"});
    builder.add({.user = "ann", .object = "cup", .time = 160, .action = "buy", .value = 6.0, .basket = "7"});
    builder.add({.user = "ann", .object = "né", .time = 900, .action = "view", .mark = EventMark::test});
    builder.add({.user = "bob", .object = "cup", .time = 400, .action = "view", .mark = EventMark::valid});
    builder.object("item", "spoon");
    builder.set_text("item", 0, "Tea pot");
    builder.add_value("item", 0, "category", "pots");
    builder.add_value("item", 1, "category", "cups");
    builder.add_value("item", 3, "colour", "red");
    builder.add_value("item", 3, "colour", "blue");
    builder.add_user_value(1, "country", "Peru");
    EventsDataset dataset = builder.finish();
    dataset.info = {"Small events", "tests", "CC0-1.0", "kvmem tests"};
    return dataset;
}

}  // namespace kvmem::test
