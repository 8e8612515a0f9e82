#include "kvmem/tasks/recommendation/inspect.hpp"

#include "kvmem/tasks/recommendation/events_builder.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

TEST_CASE("a report of events counts ties, repeats, baskets and what training never saw", "[events]") {
    EventsBuilder builder;
    builder.add({.user = "ann", .object = "a", .time = 0});
    builder.add({.user = "ann", .object = "b", .time = 10, .basket = "1"});
    builder.add({.user = "ann", .object = "c", .time = 10, .basket = "1"});
    builder.add({.user = "ann", .object = "a", .time = 90, .mark = EventMark::test});
    builder.add({.user = "ann", .object = "d", .time = 90, .mark = EventMark::test});
    builder.add({.user = "bob", .object = "b", .time = 80, .mark = EventMark::test});
    const EventsReport report = events_report(builder.finish());
    CHECK(report.first == 0);
    CHECK(report.last == 90);
    CHECK(report.lengths == std::vector<Index>{1, 5});
    CHECK(report.of_action == std::vector<Index>{6});
    CHECK(report.of_group == std::vector<Index>{6});
    CHECK(report.tied == 2);
    CHECK(report.repeats == 1);
    CHECK(report.baskets == 1);
    CHECK(report.in_baskets == 2);
    CHECK(report.share_of_top == Approx(2.0 / 6));
    const TargetsReport& test = report.marks[static_cast<std::size_t>(EventMark::test)];
    CHECK(test.targets == 3);
    CHECK(test.users == 2);
    CHECK(test.new_users == 1);
    CHECK(test.of_new_users == 1);
    CHECK(test.of_new_objects == 1);
    CHECK(test.repeats == 1);
    CHECK(report.split.before_training == 0);
    CHECK(report.split.test == 3);
}

TEST_CASE("drift of popularity is the share of a quarter's most frequent objects that stay", "[events]") {
    EventsBuilder builder;
    for (const auto& [time, object] : {std::pair(0, "a"), {1, "b"}, {30, "a"}, {60, "a"}, {99, "c"}})
        builder.add({.user = "ann", .object = object, .time = time});
    CHECK(events_report(builder.finish()).stay == std::array<double, 3>{1, 1, 0});
}
