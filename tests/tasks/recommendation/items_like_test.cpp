// Items like others by their features.
#include "tasks/recommendation/items_like.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <string>

using namespace kvmem;

// Items with the values of one feature.
static ObjectGroup group_of(const std::vector<std::vector<Token>>& values) {
    ObjectGroup group{.name = "item", .ids = {}, .texts = {}, .columns = {FeatureColumn{}}};
    for (const std::vector<Token>& row : values) {
        group.ids.add("i" + std::to_string(group.size()));
        group.columns[0].rows.push_row(row);
    }
    return group;
}

TEST_CASE("a rare value that items share counts more than a common one", "[recommender]") {
    // Of the three marked items all have value 0, and one has value 1.
    const ObjectGroup group = group_of({{0}, {0, 1}, {0}, {0, 1}, {1}, {2}});
    const std::vector<std::uint8_t> marked{1, 1, 1, 0, 0, 0};
    const auto likes = items_like(group, std::vector<Token>{3, 4, 5}, marked);
    REQUIRE(likes[0].size() == 3);
    const double common = std::log(4.0 / 3), rare = std::log(4.0), sum = 3 * common + rare;
    CHECK(likes[0][0].first == 1);
    CHECK(likes[0][0].second == Approx((common + rare) / sum));
    CHECK(likes[0][1].first == 0);
    CHECK(likes[0][1].second == Approx(common / sum));
    CHECK(likes[0][2].first == 2);
    CHECK(likes[1] == std::vector<LikeItem>{{1, 1}});
    CHECK(likes[2].empty());
}

TEST_CASE("of items that are equally like another the first ten count", "[recommender]") {
    std::vector<std::vector<Token>> values(15, {0});
    values[14] = {0, 1};
    values.push_back({0, 1});
    std::vector<std::uint8_t> marked(16, 1);
    marked[2] = marked[15] = 0;
    const auto like = items_like(group_of(values), std::vector<Token>{15}, marked).front();
    REQUIRE(like.size() == 10);
    CHECK(like[0].first == 14);
    const std::vector<Token> first{0, 1, 3, 4, 5, 6, 7, 8, 9};
    Real sum = like[0].second;
    for (std::size_t i = 0; i < first.size(); ++i) {
        CHECK(like[i + 1].first == first[i]);
        CHECK(like[i + 1].second == like[1].second);
        sum += like[i + 1].second;
    }
    CHECK(sum == Approx(1));
}
