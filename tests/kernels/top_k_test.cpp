#include "kvmem/kernels/top_k.hpp"

#include "kvmem/core/rng.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
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

// The twin: one pass for the logarithms, another for the best.
static std::vector<Scored> naive_top_k_log_softmax(std::vector<Real> scores, Index k) {
    log_softmax({scores.data(), 1, std::ssize(scores)});
    return top_k(scores, k);
}

TEST_CASE("top_k_log_softmax equals top_k of log_softmax", "[top_k]") {
    Rng rng(2);
    for (const Index n : {0, 1, 5, 42, 64, 2048, 2049, 10000})
        for (const Index k : {0, 1, 6, 100}) {
            std::vector<Real> scores(static_cast<std::size_t>(n));
            for (Real& x : scores) x = static_cast<Real>(rng.below(1000)) / 16;  // ties
            REQUIRE(top_k_log_softmax(scores, k) == naive_top_k_log_softmax(scores, k));
        }
}

TEST_CASE("top_k_log_softmax has the order of the scores also where rounding makes logarithms equal", "[top_k]") {
    Rng rng(3);
    for (const Index n : {2049, 30000}) {
        std::vector<Real> scores(static_cast<std::size_t>(n));
        for (Real& x : scores) x = static_cast<Real>(1e-4 * rng.normal());  // close to each other
        std::vector<Real> logs = scores;
        log_softmax({logs.data(), 1, n});
        std::vector<Scored> expected = top_k(scores, 100);
        for (Scored& scored : expected) scored.score = logs[static_cast<std::size_t>(scored.index)];
        REQUIRE(top_k_log_softmax(scores, 100) == expected);
        CHECK(std::ranges::is_sorted(expected, std::greater(), &Scored::score));
    }
}

TEST_CASE("top_k_log_softmax of huge, masked and broken scores", "[top_k]") {
    for (const Index n : {20, 5000})
        for (const Real one : {Real{1e30F}, -infinity, not_a_number})
            for (const Real rest : {Real{-1e30F}, Real{3}, -infinity}) {
                std::vector<Real> scores(static_cast<std::size_t>(n), rest);
                scores.back() = one;
                REQUIRE(top_k_log_softmax(scores, 4) == naive_top_k_log_softmax(scores, 4));
            }
    for (const Scored& scored : top_k_log_softmax(std::vector<Real>{1, infinity, 2}, 2))
        CHECK(scored.score == -infinity);
}
