#include "kvmem/tasks/recommendation/events_builder.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

#include <limits>

namespace kvmem {
namespace {

// The objects of a user's events, in their order.
std::vector<std::string> objects_of(const EventsDataset& data, std::string_view user) {
    std::vector<std::string> objects;
    const auto [first, last] = data.events.of_user(*data.users.ids.find(user));
    for (Index i = first; i < last; ++i) {
        const auto at = static_cast<std::size_t>(i);
        objects.push_back(data.groups[data.events.group[at]].ids[data.events.object[at]]);
    }
    return objects;
}

TEST_CASE("rows in any order become events sorted by user, time and order of rows", "[events]") {
    EventsBuilder builder;
    builder.add({.user = "ann", .object = "pear", .time = 20});
    builder.add({.user = "bob", .object = "plum", .time = 5});
    builder.add({.user = "ann", .object = "fig", .time = 10, .action = "view"});
    builder.add({.user = "ann", .object = "apple", .time = 20, .value = 3.0});
    CHECK(builder.size() == 4);
    const EventsDataset data = builder.finish();
    data.validate("built");
    CHECK(objects_of(data, "ann") == std::vector<std::string>{"fig", "pear", "apple"});
    CHECK(objects_of(data, "bob") == std::vector<std::string>{"plum"});
    CHECK(data.events.time == std::vector<Index>{10, 20, 20, 5});
    CHECK(data.events.value == std::vector<double>{0, 0, 3, 0});
    CHECK(data.events.basket.empty());
    CHECK(data.actions == std::vector<std::string>{"event", "view"});
    CHECK(builder.size() == 0);
}

TEST_CASE("a basket's events stand together at the time of its first row", "[events]") {
    EventsBuilder builder;
    builder.add({.user = "ann", .object = "a", .time = 10, .basket = "1"});
    builder.add({.user = "ann", .object = "b", .time = 10, .basket = "2"});
    builder.add({.user = "ann", .object = "c", .time = 15, .basket = "1"});
    builder.add({.user = "ann", .object = "d", .time = 12});
    builder.add({.user = "bob", .object = "a", .time = 12, .basket = "1"});
    const EventsDataset data = builder.finish();
    data.validate("built");
    CHECK(objects_of(data, "ann") == std::vector<std::string>{"a", "c", "b", "d"});
    CHECK(data.events.time == std::vector<Index>{10, 10, 10, 12, 12});
    CHECK(data.events.basket == std::vector<Token>{0, 0, 1, -1, 2});
    CHECK(data.events.basket_end(0) == 2);
    CHECK(data.events.basket_end(3) == 4);
    CHECK(data.events.basket_end(4) == 5);
}

TEST_CASE("a history ends before the events of its target's second", "[events]") {
    EventsBuilder builder;
    for (const Index time : {1, 3, 3, 7}) builder.add({.user = "ann", .object = "a", .time = time});
    builder.add({.user = "bob", .object = "a", .time = 2});
    const Events events = builder.finish().events;
    CHECK(events.history_end(0, 3) == 1);
    CHECK(events.history_end(0, 4) == 3);
    CHECK(events.history_end(0, 0) == 0);
    CHECK(events.history_end(1, 9) == 5);
    CHECK(events.user_of(3) == 0);
    CHECK(events.user_of(4) == 1);
}

TEST_CASE("features of objects and users become columns, and groups share them by name", "[events]") {
    EventsBuilder builder;
    builder.add({.user = "ann", .object = "a", .time = 1});
    builder.add({.user = "ann", .object = "c", .time = 2, .group = "coupon"});
    builder.add_value("item", builder.object("item", "z"), "shop", "corner");
    builder.add_value("item", 0, "colour", "red");
    builder.add_value("item", 0, "colour", "blue");
    builder.add_value("item", 0, "colour", "red");
    builder.add_value("coupon", 0, "shop", "corner");
    builder.add_user_value(0, "country", "Peru");
    builder.set_text("item", 1, "Zebra");
    const EventsDataset data = builder.finish();
    data.validate("built");
    REQUIRE(data.features.size() == 3);
    const FeatureColumn* shop = data.column(data.groups[0], "shop");
    REQUIRE(shop != nullptr);
    CHECK(shop->rows.offsets == std::vector<Index>{0, 0, 1});
    CHECK(data.column(data.groups[1], "shop")->rows.values == shop->rows.values);
    CHECK(data.column(data.groups[0], "colour")->rows.values == std::vector<Token>{0, 1});
    CHECK(data.column(data.users, "country")->rows.size() == 1);
    CHECK(data.column(data.users, "shop") == nullptr);
    CHECK(data.groups[0].shown(0) == "a");
    CHECK(data.groups[0].shown(1) == "Zebra");
}

TEST_CASE("a builder refuses rows that no data set can hold, and adds no event", "[events]") {
    EventsBuilder builder;
    CHECK_THROWS_AS(builder.add({.user = "ann", .object = "a", .time = Events::max_time + 1}), Error);
    CHECK_THROWS_AS(builder.add({.user = "", .object = "a", .time = 0}), Error);
    CHECK_THROWS_AS(builder.add({.user = "ann", .object = "", .time = 0}), Error);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(builder.add({.user = "ann", .object = "a", .value = nan}), Error);
    for (int i = 0; i < 255; ++i) builder.add({.user = "ann", .object = "a", .action = "a" + std::to_string(i)});
    CHECK_THROWS_AS(builder.add({.user = "ann", .object = "a", .action = "more"}), Error);
    CHECK(builder.size() == 255);
}

}  // namespace
}  // namespace kvmem
