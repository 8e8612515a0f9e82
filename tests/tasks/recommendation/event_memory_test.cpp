// The memory of events: occurrences in the order of time, and counts that decay.
#include "kvmem/tasks/recommendation/event_memory.hpp"

#include "kvmem/core/error.hpp"
#include "support/ring_events.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;

TEST_CASE("occurrences of an item come in the order of time, and count up to a time", "[event-memory]") {
    const EventsDataset data = test::ring_events(10, 6);
    const EventMemory memory(data.events, 0, 8, {EventMark::train});
    Index count = 0;
    for (Token item = 0; item < 8; ++item) {
        Index before = Events::min_time;
        for (const Index e : memory.occurrences(item)) {
            CHECK(memory.item(e) == item);
            CHECK(memory.time(e) >= before);
            before = memory.time(e);
            ++count;
        }
        CHECK(memory.count_before(item, Events::min_time) == 0);
        CHECK(memory.count_before(item, memory.last_time() + 1) == std::ssize(memory.occurrences(item)));
    }
    CHECK(count == memory.size());
    CHECK(memory.sequence_of(0) == std::pair<Index, Index>(0, 4));
    CHECK(memory.users() == 10);
}

TEST_CASE("decayed counts are sums over the occurrences before a time", "[event-memory]") {
    const EventsDataset data = test::ring_events(20, 12);
    const EventMemory memory(data.events, 0, 8, {EventMark::train, EventMark::valid});
    for (const double half_life : {0.0, 3.0}) {
        const DecayedCounts counts(memory, half_life);
        for (const Index when : {Index{0}, 5 * seconds_per_day, 11 * seconds_per_day + 7, 90 * seconds_per_day}) {
            double expected = 0;
            for (const Index e : memory.occurrences(3)) {
                const double age = static_cast<double>(when - memory.time(e)) / seconds_per_day;
                if (memory.time(e) < when) expected += half_life > 0 ? std::exp2(-age / half_life) : 1;
            }
            CHECK(counts.at(3, when) == Approx(expected));
        }
    }
}

TEST_CASE("counts of all items at several times are those of each, in whatever order times come", "[event-memory]") {
    const EventsDataset data = test::ring_events(20, 12);
    const EventMemory memory(data.events, 0, 8, {EventMark::train, EventMark::valid});
    const std::vector<Index> times{
        11 * seconds_per_day + 7, 0, 90 * seconds_per_day, Events::min_time, 5 * seconds_per_day, 5 * seconds_per_day};
    for (const double half_life : {0.0, 3.0}) {
        const DecayedCounts counts(memory, half_life);
        Matrix all(std::ssize(times), 8);
        counts.at(times, all.view());
        for (Index t = 0; t < all.rows(); ++t)
            for (Token item = 0; item < 8; ++item) CHECK(all(t, item) == static_cast<Real>(counts.at(item, times[t])));
        CHECK_THROWS_AS(counts.at(times, Matrix(1, 8).view()), Error);
    }
}
