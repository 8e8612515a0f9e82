#include "kvmem/core/rng.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

using namespace kvmem;

TEST_CASE("streams are pinned: a seed means the same numbers for ever", "[rng]") {
    Rng plain(42), named(42, {1, 2, 3});
    CHECK(plain.bits() == 6332618229526065668u);
    CHECK(plain.bits() == 17630415256238047317u);
    CHECK(named.bits() == 7861349637714658605u);
    CHECK(Rng(7).uniform() == 0.72150818060497024);
    CHECK(Rng(7).normal() == Approx(-0.94225766538407718).epsilon(1e-12));
    CHECK(Rng(7).below(1000) == 721);
    std::vector<int> cards{0, 1, 2, 3, 4, 5, 6, 7};
    Rng(7).shuffle(std::span(cards));
    CHECK(cards == std::vector<int>{2, 6, 0, 1, 7, 3, 4, 5});
}

TEST_CASE("the generator is SplitMix64", "[rng]") {
    // Its state advances by the golden ratio and is mixed: two numbers tell the state that made them.
    const auto unmix = [](std::uint64_t z) {
        const auto unshift = [](std::uint64_t y, int s) {
            std::uint64_t x = y;
            for (int i = 0; i < 64 / s + 1; ++i) x = y ^ (x >> s);
            return x;
        };
        z = unshift(z, 31) * 0x319642b2d24d8ec3u;
        z = unshift(z, 27) * 0x96de1b173f119089u;
        return unshift(z, 30);
    };
    Rng rng(5);
    const std::uint64_t first = unmix(rng.bits());
    CHECK(unmix(rng.bits()) - first == 0x9e3779b97f4a7c15u);
}

TEST_CASE("seeds and streams that differ give numbers that differ", "[rng]") {
    std::vector<std::uint64_t> firsts;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        firsts.push_back(Rng(seed).bits());
        for (std::uint64_t s = 0; s < 10; ++s) {
            firsts.push_back(Rng(seed, {s}).bits());
            for (std::uint64_t t = 0; t < 10; ++t) firsts.push_back(Rng(seed, {s, t}).bits());
        }
    }
    std::sort(firsts.begin(), firsts.end());
    CHECK(std::adjacent_find(firsts.begin(), firsts.end()) == firsts.end());
}

TEST_CASE("uniform numbers fill the range from 0 to below 1 evenly", "[rng]") {
    Rng rng(1);
    std::vector<int> bins(20);
    constexpr int count = 100000;
    for (int i = 0; i < count; ++i) {
        const double x = rng.uniform();
        REQUIRE((x >= 0 && x < 1));
        ++bins[static_cast<std::size_t>(x * 20)];
    }
    double chi2 = 0;
    for (const int n : bins) chi2 += std::pow(n - count / 20.0, 2) / (count / 20.0);
    CHECK(chi2 < 43.8);  // 19 degrees of freedom: one seed in a thousand is above
}

TEST_CASE("normal numbers have mean 0, deviation 1 and normal tails", "[rng]") {
    Rng rng(2);
    constexpr int count = 200000;
    double sum = 0, squares = 0;
    int beyond_two = 0;
    for (int i = 0; i < count; ++i) {
        const double x = rng.normal();
        REQUIRE(std::isfinite(x));
        sum += x;
        squares += x * x;
        beyond_two += std::abs(x) > 2;
    }
    CHECK(sum / count == Approx(0).margin(0.01));
    CHECK(squares / count == Approx(1).margin(0.015));
    CHECK(beyond_two / double{count} == Approx(0.0455).margin(0.002));
}

TEST_CASE("below() takes every number of its range equally often", "[rng]") {
    Rng rng(3);
    for (int i = 0; i < 100; ++i) CHECK(rng.below(1) == 0);
    std::vector<int> bins(7);
    for (int i = 0; i < 70000; ++i) ++bins[static_cast<std::size_t>(rng.below(7))];
    double chi2 = 0;
    for (const int n : bins) chi2 += std::pow(n - 10000.0, 2) / 10000.0;
    CHECK(chi2 < 22.5);  // 6 degrees of freedom
    // 2^64 is 8/3 of this range: multiplying alone would give the residues 3, 3 and 2 of 8 draws, taking the
    // remainder would favour the low numbers.
    const Index wide = Index{3} << 61;
    int low = 0, residue = 0;
    for (int i = 0; i < 30000; ++i) {
        const Index x = rng.below(wide);
        low += x < wide / 3;
        residue += x % 3 == 2;
    }
    CHECK(low / 30000.0 == Approx(1 / 3.0).margin(0.012));
    CHECK(residue / 30000.0 == Approx(1 / 3.0).margin(0.012));
}

TEST_CASE("a shuffle keeps the items and puts each anywhere", "[rng]") {
    Rng rng(4);
    std::vector<int> places(5);
    for (int i = 0; i < 5000; ++i) {
        std::vector<int> items(5);
        std::iota(items.begin(), items.end(), 0);
        rng.shuffle(std::span(items));
        ++places[static_cast<std::size_t>(std::find(items.begin(), items.end(), 0) - items.begin())];
        std::sort(items.begin(), items.end());
        REQUIRE(items == std::vector<int>{0, 1, 2, 3, 4});
    }
    for (const int n : places) CHECK(n == Approx(1000).margin(130));
    rng.shuffle(std::span<int>{});
}
