#include "store/id_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace kvmem;
using namespace kvmem::store;

namespace {

struct Filled {
    Buffer<Id> ids;
    IdTable table;
    Filled(Index slots, Id (*id_of)(Index)) : ids(slots), table(ids, slots) {
        for (Index slot = 0; slot < slots; ++slot) ids[slot] = id_of(slot);
        table.add(0, slots);
    }
    Index find(Id id, Index count) const { return table.find(id, hash_of(id), count); }
};

// What the finaliser of SplitMix64 makes a number of.
Id before_finaliser(std::uint64_t x) {
    const auto unshift = [](std::uint64_t y, int by) {
        std::uint64_t z = y;
        for (int i = 0; i < 64 / by; ++i) z = y ^ (z >> by);
        return z;
    };
    // The inverses of its factors.
    x = unshift(x, 31) * 0x319642b2d24d8ec3u;
    x = unshift(x, 27) * 0x96de1b173f119089u;
    return unshift(x, 30);
}

}  // namespace

TEST_CASE("each id is found among the slots that are known of, and no other", "[store]") {
    for (const Index slots : {0, 1, 2, 1000, 70000}) {
        const Filled filled(slots, [](Index slot) { return static_cast<Id>(slot) * 3; });
        for (Index slot = 0; slot < slots; slot += 7) {
            CHECK(filled.find(static_cast<Id>(slot) * 3, slots) == slot);
            CHECK(filled.find(static_cast<Id>(slot) * 3, slot + 1) == slot);
            CHECK(filled.find(static_cast<Id>(slot) * 3, slot) == -1);
            CHECK(filled.find(static_cast<Id>(slot) * 3 + 1, slots) == -1);
        }
        CHECK(filled.find(~Id{0}, slots) == -1);
    }
}

TEST_CASE("an id that comes again and again is found where it was last", "[store]") {
    const Filled filled(5000, [](Index slot) { return slot % 10 == 0 ? Id{7} : static_cast<Id>(slot) + 100; });
    for (Index count = 1; count <= 5000; count += 99) CHECK(filled.find(7, count) == (count - 1) / 10 * 10);
    CHECK(filled.find(104, 5000) == 4);
    CHECK(filled.find(7, 0) == -1);
}

TEST_CASE("ids that were chosen against the finaliser do not fall on one place", "[store][hostile]") {
    std::set<std::uint64_t> places;
    for (std::uint64_t i = 0; i < 1000; ++i) places.insert(hash_of(before_finaliser(i) - 0x9e3779b97f4a7c15u) >> 48);
    CHECK(places.size() > 900);
}
