#include "kvmem/core/ragged.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

TEST_CASE("rows of different lengths come back as they went in", "[ragged]") {
    Ragged<int> rows;
    CHECK(rows.empty());
    const std::vector<int> first{1, 2, 3}, last{4};
    rows.push_row(first);
    rows.push_row({});
    rows.values.push_back(4);
    rows.end_row();
    REQUIRE(rows.size() == 3);
    CHECK(std::equal(first.begin(), first.end(), rows[0].begin(), rows[0].end()));
    CHECK(rows[1].empty());
    CHECK(std::equal(last.begin(), last.end(), rows[2].begin(), rows[2].end()));
    CHECK(rows.view().valid());

    Ragged<int> same = rows;
    CHECK(same == rows);
    same.clear();
    CHECK(same.empty());
    CHECK(same.view().valid());
    CHECK_FALSE(same == rows);
}

TEST_CASE("a view of nothing and a ragged that was moved from are empty", "[ragged]") {
    CHECK(RaggedView<int>{}.size() == 0);
    CHECK(RaggedView<int>{}.valid());
    Ragged<int> from;
    from.end_row();
    const Ragged<int> to = std::move(from);
    CHECK(to.size() == 1);
    CHECK(from.size() == 0);  // NOLINT: moved from
}

TEST_CASE("offsets that do not rise from 0 to the number of values are not valid", "[ragged]") {
    const std::vector<int> values{1, 2, 3};
    using Offsets = std::vector<Index>;
    for (const Offsets& bad : {Offsets{}, Offsets{0}, Offsets{1, 3}, Offsets{0, 2}, Offsets{0, 4}, Offsets{0, 2, 1, 3},
                               Offsets{0, -1, 3}, Offsets{0, 5, 3}})
        CHECK_FALSE(RaggedView<int>{values, bad}.valid());
    const Offsets good{0, 0, 2, 3, 3};
    CHECK(RaggedView<int>{values, good}.valid());
}
