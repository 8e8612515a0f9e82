#include "kvmem/core/number_table.hpp"

#include <catch2/catch.hpp>

using kvmem::NumberTable;

TEST_CASE("a number is found by its hash and by what it stands for", "[number_table]") {
    NumberTable table;
    const auto find = [&](std::uint64_t hash, int wanted) {
        return table.find(hash, [&](NumberTable::Number number) { return number == wanted; });
    };
    CHECK(find(1, 0) == -1);
    for (int i = 0; i < 1000; ++i) table.add(static_cast<std::uint64_t>(i % 7) << 30, i);  // many of one hash
    for (int i = 0; i < 1000; ++i) CHECK(find(static_cast<std::uint64_t>(i % 7) << 30, i) == i);
    CHECK(find(0, 1) == -1);
    CHECK(find(std::uint64_t{7} << 30, 0) == -1);
}
