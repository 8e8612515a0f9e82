#include "kvmem/kernels/top_k.hpp"

#include "kvmem/core/rng.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

using namespace kvmem;

static constexpr Real infinity = std::numeric_limits<Real>::infinity();
static constexpr Real not_a_number = std::numeric_limits<Real>::quiet_NaN();

TEST_CASE("top_k equals sorting everything, with ties in the order of their index", "[top_k]") {
    Rng rng(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<Real> scores(static_cast<std::size_t>(rng.below(50)));
        for (Real& x : scores) x = static_cast<Real>(rng.below(10));  // many ties
        std::vector<Scored> all;
        for (std::size_t i = 0; i < scores.size(); ++i) all.push_back({static_cast<Index>(i), scores[i]});
        std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.score > b.score; });
        const Index k = rng.below(60);
        all.resize(std::min(all.size(), static_cast<std::size_t>(k)));
        REQUIRE(top_k(scores, k) == all);
    }
}

TEST_CASE("top_k of none, of fewer than none and of more than there are", "[top_k]") {
    const std::vector<Real> scores{1, 3, 2};
    CHECK(top_k(scores, 0).empty());
    CHECK(top_k(scores, -5).empty());
    CHECK(top_k({}, 5).empty());
    CHECK(top_k(scores, std::numeric_limits<Index>::max()) == std::vector<Scored>{{1, 3}, {2, 2}, {0, 1}});
}

TEST_CASE("NaN never pushes out a number", "[top_k]") {
    const std::vector<Real> scores{not_a_number, 1, not_a_number, infinity, -infinity, -2};
    CHECK(top_k(scores, 3) == std::vector<Scored>{{3, infinity}, {1, 1}, {5, -2}});
    CHECK(top_k(scores, 6) ==
          std::vector<Scored>{{3, infinity}, {1, 1}, {5, -2}, {0, -infinity}, {2, -infinity}, {4, -infinity}});
}
