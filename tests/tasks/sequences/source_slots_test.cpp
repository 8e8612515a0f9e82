#include "tasks/sequences/source_slots.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

static std::vector<Index> numbers(std::span<const Index> all) { return {all.begin(), all.end()}; }

TEST_CASE("sources without hypotheses are forgotten, and others are added behind", "[source_slots]") {
    SourceSlots slots;
    slots.add(std::vector<Index>{0, 2, 2, 5, 6});
    slots.reorder(std::vector<Index>{0, 0, 2});
    CHECK(numbers(slots.segments().query_offsets) == std::vector<Index>{0, 2, 2, 3, 3});
    CHECK(slots.compact() == std::vector<Index>{0, 2});
    CHECK(numbers(slots.segments().query_offsets) == std::vector<Index>{0, 2, 3});
    CHECK(numbers(slots.segments().slot_offsets) == std::vector<Index>{0, 2, 5});
    CHECK(numbers(slots.weight_offsets()) == std::vector<Index>{0, 2, 4, 7});
    slots.add(std::vector<Index>{0, 1});
    CHECK(slots.source(2) == 1);
    CHECK(slots.source(3) == 2);
    CHECK(slots.first(2) == 5);
    CHECK(slots.size(2) == 1);
    slots.reorder({});
    CHECK(slots.compact().empty());
    CHECK(numbers(slots.segments().slot_offsets) == std::vector<Index>{0});
    slots.add(std::vector<Index>{0, 4});
    CHECK(numbers(slots.weight_offsets()) == std::vector<Index>{0, 4});
}
