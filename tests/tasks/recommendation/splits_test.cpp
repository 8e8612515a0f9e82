#include "kvmem/tasks/recommendation/splits.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/events_builder.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

// Events of "ann" at times 1 to 6 in baskets of two, of "bob" at 3 and 9 without a basket; "view" at 4.
EventsDataset events_of_two() {
    EventsBuilder builder;
    for (Index time = 1; time <= 6; ++time)
        builder.add({.user = "ann",
                     .object = std::to_string(time),
                     .time = (time + 1) / 2 * 2,
                     .action = time == 4 ? "view" : "buy",
                     .basket = std::to_string((time + 1) / 2)});
    for (const Index time : {3, 9}) builder.add({.user = "bob", .object = "1", .time = time, .action = "buy"});
    return builder.finish();
}

// The marks as one letter each.
std::string marks(const EventsDataset& dataset) {
    std::string letters;
    for (const EventMark mark : dataset.events.mark) letters += ".tvT"[static_cast<std::size_t>(mark)];
    return letters;
}

std::string split(const SplitOptions& options) {
    EventsDataset dataset = events_of_two();
    split_events(dataset, options);
    return marks(dataset);
}

}  // namespace

TEST_CASE("a split by time learns from nothing later than a target", "[splits]") {
    CHECK(split({.valid_from = 4, .test_from = 6}) == "ttvvTTtT");
    CHECK(split({.valid_from = 4, .test_from = 4}) == "ttTTTTtT");
    CHECK(split({.valid_from = 3, .test_from = 4, .first_basket = true}) == "ttTT..vT");
    CHECK(split({.valid_from = 4, .test_from = 6, .targets = {"buy"}}) == "ttv.TTtT");
    CHECK(split({.valid_share = 0.25, .test_share = 0.25}) == "ttvvTTtT");  // ties are not divided
    CHECK(split({.valid_share = 0, .test_share = 0.2}) == "tttttttT");
    EventsDataset dataset = events_of_two();
    CHECK(split_events(dataset, {.valid_from = 4, .test_from = 6}).before_training == 0);
}

TEST_CASE("the last baskets and events of users are test and valid", "[splits]") {
    CHECK(split({.rule = SplitRule::last_basket}) == "ttvvTTtt");
    CHECK(split({.rule = SplitRule::leave_last}) == "ttttvTtt");
    CHECK(split({.rule = SplitRule::leave_last, .targets = {"view"}}).find_first_of("vT") == std::string::npos);
}

TEST_CASE("a report counts targets that leak or tie", "[splits]") {
    EventsDataset dataset = events_of_two();
    EventSplitReport report = split_events(dataset, {.rule = SplitRule::leave_last});
    CHECK(report.train == 6);
    CHECK(report.valid == 1);
    CHECK(report.test == 1);
    CHECK(report.before_training == 2);
    CHECK(report.tied == 0);  // their second is shared within their basket alone
    dataset.events.basket.clear();
    CHECK(report_split(dataset.events).tied == 2);
}

TEST_CASE("a split that cannot be made changes nothing", "[splits]") {
    EventsDataset dataset = events_of_two();
    const EventsDataset before = dataset;
    const auto fault = [&](const SplitOptions& options) {
        std::string what;
        try {
            split_events(dataset, options);
        } catch (const Error& e) {
            what = e.what();
        }
        CHECK(dataset == before);
        return what;
    };
    CHECK_THAT(fault({.valid_from = 6, .test_from = 4}), Contains("after the test"));
    CHECK_THAT(fault({.valid_from = 1, .test_from = 4}), Contains("nothing to train on"));
    CHECK_THAT(fault({.valid_share = 0.5, .test_share = 0.5}), Contains("share"));
    CHECK_THAT(fault({.targets = {"sell"}}), Contains("no such action"));
    dataset.events.basket.clear();
    CHECK_THROWS_WITH(split_events(dataset, {.rule = SplitRule::last_basket}), Contains("no baskets"));
}

TEST_CASE("a moment is a date or seconds", "[splits]") {
    CHECK(moment("2011-11-10", "test-from") == 1320883200);
    CHECK(moment("1320883200", "test-from") == 1320883200);
    CHECK_THROWS_WITH(moment("10/11/2011", "test-from"), Contains("test-from"));
}
