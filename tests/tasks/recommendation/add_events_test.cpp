// Events that are added to a data set are those that it would have been built with.
#include "kvmem/tasks/recommendation/add_events.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/events_builder.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

static void add_old_events(EventsBuilder& builder) {
    builder.add({.user = "ann", .object = "pear", .time = 20, .value = 2.0, .basket = "b"});
    builder.add({.user = "bob", .object = "plum", .time = 5});
    builder.add({.user = "ann", .object = "fig", .time = 20, .basket = "b"});
    builder.add({.user = "bob", .object = "pear", .time = 9, .action = "view"});
    builder.add_user_value(builder.user("ann"), "town", "Lima");
    builder.set_text("item", builder.object("item", "fig"), "A fig");
}

static EventsDataset old_events() {
    EventsBuilder builder;
    add_old_events(builder);
    return builder.finish();
}

TEST_CASE("added events are as if the data set had been built with them", "[events]") {
    EventsDataset data = old_events();
    add_events(data, 0,
               std::vector<UserEvent>{{"ann", "plum", 20},
                                      {"new", "a FIG", 30, "view"},
                                      {"ann", "pear", 3},
                                      {"bob", "pear", 7},
                                      {"new", "plum", 1}});
    EventsBuilder builder;
    add_old_events(builder);
    builder.add({.user = "ann", .object = "plum", .time = 20});
    builder.add({.user = "new", .object = "fig", .time = 30, .action = "view"});
    builder.add({.user = "ann", .object = "pear", .time = 3});
    builder.add({.user = "bob", .object = "pear", .time = 7});
    builder.add({.user = "new", .object = "plum", .time = 1});
    const EventsDataset built = builder.finish();
    data.validate("added");
    CHECK(data == built);
    add_events(data, 0, {});
    CHECK(data == built);
}

TEST_CASE("events can be added to a data set without any", "[events]") {
    EventsBuilder builder;
    builder.object("item", "fig");
    EventsDataset data = builder.finish();
    data.actions = {"event"};
    add_events(data, 0, std::vector<UserEvent>{{"ann", "fig", 3}});
    data.validate("added");
    CHECK(data.events.size() == 1);
    CHECK(data.users.ids.find("ann") == 0);
}

TEST_CASE("added events with a mistake change nothing", "[events]") {
    EventsDataset data = old_events();
    const EventsDataset before = data;
    for (const UserEvent& wrong : std::vector<UserEvent>{
             {"", "fig", 3}, {"ann", "nothing", 3}, {"ann", "fig", Events::max_time + 1}, {"ann", "fig", 3, "sold"}}) {
        CHECK_THROWS_AS(add_events(data, 0, std::vector<UserEvent>{{"new", "fig", 3}, wrong}), Error);
        CHECK(data == before);
    }
}
