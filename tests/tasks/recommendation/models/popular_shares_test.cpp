// The shares of items at a time, against plain counts.
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/recommendation/events_builder.hpp"
#include "kvmem/tasks/recommendation/models/sequence_memory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>

using namespace kvmem;

namespace {

constexpr Index item_count = 6, one_day = 86400, first_time = 1000 * one_day,
                last_time = first_time + 40 * one_day + 5;  // of the events' times

EventsDataset events_of_four_items() {
    EventsBuilder builder;
    for (Index i = 0; i < item_count; ++i) builder.object("item", std::to_string(i));
    builder.add({.user = "u", .object = "0", .time = last_time});
    for (Index t = 0; t < 40; ++t)
        builder.add({.user = "u", .object = std::to_string(t % 4), .time = first_time + t * one_day});
    for (Index t = 20; t < 30; ++t) builder.add({.user = "v", .object = "2", .time = first_time + t * one_day});
    return builder.finish();
}

std::vector<double> plain_logs(const Events& events, double half_life, Index at) {
    std::vector<double> logs(item_count, 0.1);
    for (Index e = 0; e < events.size(); ++e) {
        const double days = static_cast<double>(at - events.time[e]) / one_day;
        if (days > 0) logs[events.object[e]] += half_life > 0 ? std::exp2(-days / half_life) : 1;
    }
    double sum = 0;
    for (const double count : logs) sum += count;
    for (double& x : logs) x = std::log(x / sum * item_count);
    return logs;
}

}  // namespace

TEST_CASE("shares of items are those of plain counts at the beginning of a step", "[sequence_memory]") {
    const EventsDataset data = events_of_four_items();
    const EventMemory memory(data.events, 0, item_count, {EventMark::train});
    const PopularShares shares(memory, {{4, {{0, Real{0.25}}, {2, Real{0.75}}}}, {5, {}}});
    const Index step = (last_time + 1 - first_time) / 256;
    for (const Index when : {first_time - 9 * one_day, first_time, first_time + 1, first_time + 11 * one_day, last_time,
                             last_time + 1, last_time + 99 * one_day}) {
        const Index at = first_time + (std::clamp(when, first_time, last_time + 1) - first_time) / step * step;
        const std::span<const Real> found = shares.at(when);
        REQUIRE(std::ssize(found) == 3 * item_count);
        for (Index p = 0; p < 3; ++p) {
            std::vector<double> logs = plain_logs(data.events, PopularShares::half_lives[p], at);
            logs[4] = 0.25 * logs[0] + 0.75 * logs[2];  // item 5 is like none
            for (Index i = 0; i < item_count; ++i)
                CHECK(double{found[p * item_count + i]} == Approx(logs[i]).margin(1e-4));
        }
    }
}

TEST_CASE("several threads may read the same shares for the first time", "[sequence_memory]") {
    const EventsDataset data = events_of_four_items();
    const EventMemory memory(data.events, 0, item_count, {EventMark::train});
    const PopularShares alone(memory, {}), shared(memory, {});
    const ThreadLimit threads(4);
    std::vector<std::uint8_t> same(4000);
    parallel_for(std::ssize(same), 1, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i)
            same[i] =
                std::ranges::equal(shared.at(first_time + i % 41 * one_day), shared.at(first_time + i % 41 * one_day));
    });
    CHECK(std::ranges::count(same, 1) == std::ssize(same));
    for (Index t = 0; t <= 41; ++t)
        CHECK(std::ranges::equal(shared.at(first_time + t * one_day), alone.at(first_time + t * one_day)));
}
