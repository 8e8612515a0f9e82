#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/recommendation/dataset.hpp"
#include "support/python.hpp"
#include "support/small_events.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>

using namespace kvmem;
using namespace kvmem::test;
using Catch::Matchers::Contains;

namespace {

std::string file_of(const EventsDataset& dataset) {
    const TemporaryDirectory folder;
    save_events(dataset, folder / "x.h5");
    return read_file(folder / "x.h5");
}

EventsDataset events(const std::string& bytes) { return load_events(std::as_bytes(std::span(bytes)), "bytes"); }

EventsDataset large_events() {
    EventsBuilder builder;
    for (Index i = 0; i < 20'000; ++i)
        builder.add({.user = std::to_string(i % 300), .object = std::to_string(i * 7 % 1000), .time = i});
    return builder.finish();
}

// What is wrong with the small data set after a change.
std::string fault(const std::function<void(EventsDataset&)>& change) {
    EventsDataset dataset = small_events();
    change(dataset);
    try {
        dataset.validate("x.h5");
    } catch (const Error& e) {
        CHECK_THAT(e.what(), Contains("x.h5"));
        return e.what();
    }
    return {};
}

}  // namespace

TEST_CASE("events come back from their file", "[events_file]") {
    EventsDataset dataset = small_events();
    CHECK(events(file_of(dataset)) == dataset);
    dataset.events.true_probability.assign(5, 0.25);
    dataset.events.true_rank = {1, 2.5, 0, 1, 9};
    CHECK(events(file_of(dataset)) == dataset);
    CHECK(events(file_of(large_events())) == large_events());
}

TEST_CASE("a file of events that was cut anywhere is refused", "[events_file]") {
    const std::string whole = file_of(large_events());
    REQUIRE(whole.size() > 10'000);
    for (std::size_t size = 0; size < whole.size(); size += 512) CHECK_THROWS_AS(events(whole.substr(0, size)), Error);
    CHECK_THROWS_AS(events(whole.substr(0, whole.size() - 1)), Error);
}

TEST_CASE("a byte of events that was changed is an Error or changes nothing", "[events_file][damage]") {
    const EventsDataset dataset = small_events();
    const std::string whole = file_of(dataset);
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); at += 23) {
        CAPTURE(at);
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
        bool same = true;
        try {
            same = events(damaged) == dataset;
        } catch (const Error&) {
            ++refused;
        }
        CHECK(same);
    }
    CHECK(refused > 100);
}

TEST_CASE("events that no builder makes are refused", "[events_file]") {
    CHECK(fault([](EventsDataset&) {}).empty());
    CHECK_THAT(fault([](auto& d) { d.events.time[1] = 99; }), Contains("not sorted by time"));
    CHECK_THAT(fault([](auto& d) { d.events.time[4] = Events::max_time + 1; }), Contains("out of range"));
    CHECK_THAT(fault([](auto& d) { d.events.object[0] = 1; }), Contains("an object is wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.object[1] = -1; }), Contains("an object is wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.group[1] = 2; }), Contains("a group is wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.action[1] = 3; }), Contains("an action is wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.mark[1] = static_cast<EventMark>(4); }), Contains("a mark is wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.mark.pop_back(); }), Contains("does not cover"));
    CHECK_THAT(fault([](auto& d) { d.events.value.pop_back(); }), Contains("does not cover"));
    CHECK_THAT(fault([](auto& d) { d.events.user_offsets = {0, 5}; }), Contains("do not cover the users"));
    CHECK_THAT(fault([](auto& d) { d.events.user_offsets = {0, 6, 5}; }), Contains("offsets are wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.basket = {-1, 0, 1, -1, 0}; }), Contains("a basket is wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.basket = {0, 0, -1, -1, -1}; }), Contains("a basket is wrong"));
    CHECK_THAT(fault([](auto& d) { d.events.basket = {-2, 0, 0, -1, -1}; }), Contains("a basket is wrong"));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THAT(fault([&](auto& d) { d.events.value[0] = nan; }), Contains("out of range"));
    CHECK_THAT(fault([](auto& d) { d.events.true_probability.assign(5, 1.5); }), Contains("out of range"));
    CHECK_THAT(fault([](auto& d) { d.actions[1] = d.actions[0]; }), Contains("comes twice"));
    CHECK_THAT(fault([](auto& d) { d.actions.clear(); }), Contains("too few"));
    CHECK_THAT(fault([](auto& d) { d.groups[1].name = "A/B"; }), Contains("a group's name is wrong"));
    CHECK_THAT(fault([](auto& d) { d.groups[1].name = "query"; }), Contains("comes twice"));
    CHECK_THAT(fault([](auto& d) { d.groups[1].texts.pop_back(); }), Contains("do not cover"));
    CHECK_THAT(fault([](auto& d) { d.groups[1].columns[1].feature = 0; }), Contains("a feature is wrong"));
    CHECK_THAT(fault([](auto& d) { d.groups[1].columns[0].rows.values[0] = 2; }), Contains("not in the vocabulary"));
    CHECK_THAT(fault([](auto& d) { d.users.columns[0].rows.offsets.pop_back(); }), Contains("offsets are wrong"));
    CHECK_THAT(fault([](auto& d) { d.features[0].name = d.features[1].name; }), Contains("comes twice"));
    CHECK_THAT(fault([](auto& d) { d.users.ids.add("\xc3"); }), Contains("not UTF-8"));
}

TEST_CASE("a file of events with a name twice or without a part is refused", "[events_file]") {
    const auto written = [](const std::vector<std::string>& names) {
        const TemporaryDirectory folder;
        hdf5::Writer file("kvmem-events", 1);
        file.write("/users/ids", std::span<const std::string>(names));
        file.save(folder / "x.h5");
        return read_file(folder / "x.h5");
    };
    CHECK_THROWS_WITH(events(written({"a", "b", "a"})), Contains("comes twice"));
    CHECK_THROWS_WITH(events(written({"a"})), Contains("/group_names"));
}

TEST_CASE("h5py reads events that kvmem writes, by the reader in the specification", "[events_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    save_events(small_events(), folder / "events.h5");
    CHECK(python(code_in_readme("### Events in Python", "python", 1) +
                     "\nassert read_events('events.h5') == ["
                     "('ann', 'search', 'tea pot', 100, 'train'), ('ann', 'buy', 'pot', 160, 'train'), "
                     "('ann', 'buy', 'cup', 160, 'train'), ('ann', 'view', 'né', 900, 'test'), "
                     "('bob', 'view', 'cup', 400, 'valid')]\n",
                 folder.path()));
}

TEST_CASE("kvmem reads events that h5py writes, by the writer in the specification", "[events_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    REQUIRE(python(code_in_readme("### Events in Python", "python"), folder.path()));
    const EventsDataset dataset = load_events(folder / "shop.h5");
    CHECK(dataset.info.title == "Three events");
    REQUIRE(dataset.events.size() == 3);
    CHECK(dataset.events.time == std::vector<Index>{1700000000, 1700086400, 1700000500});
    CHECK(dataset.events.marked(EventMark::test) == std::vector<Index>{1});
    REQUIRE(dataset.column(dataset.groups[0], "colour"));
    CHECK(dataset.column(dataset.groups[0], "colour")->rows[1].size() == 2);
}
