#include "kvmem/kernels/product_keys.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <vector>

using namespace kvmem;
using test::normal;

// All sums in double, which are exact for the numbers of these tests.
static std::vector<Scored> brute_force(const std::vector<Real>& first, const std::vector<Real>& second, Index k) {
    struct Sum {
        double sum;
        Index slot;
    };
    std::vector<Sum> all;
    for (const Real a : first)
        for (const Real b : second) all.push_back({double{a} + double{b}, std::ssize(all)});
    std::ranges::stable_sort(all, [](const Sum& a, const Sum& b) { return a.sum > b.sum; });
    std::vector<Scored> best;
    for (Index i = 0; i < std::min<Index>(k, std::ssize(all)); ++i)
        best.push_back({all[i].slot, static_cast<Real>(all[i].sum)});
    return best;
}

TEST_CASE("the k largest sums of two halves are those of all pairs", "[product-keys]") {
    for (const Index n : {1, 2, 5, 17, 64})
        for (const Index k : {1, 2, 3, 7, 32, 100, 5000}) {
            CAPTURE(n, k);
            const Matrix scores = normal(2, n, static_cast<std::uint64_t>(n * k));
            const std::vector<Real> first(scores.row(0), scores.row(1)), second(scores.row(1), scores.row(2));
            CHECK(top_k_sums(first, second, k) == brute_force(first, second, k));
        }
}

TEST_CASE("of equal sums the lower slots win", "[product-keys]") {
    Rng rng(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<Real> first, second;
        for (Index i = 0; i < 8; ++i) first.push_back(static_cast<Real>(rng.below(4)));
        for (Index i = 0; i < 5; ++i) second.push_back(static_cast<Real>(rng.below(3)));
        const auto k = static_cast<Index>(1 + rng.below(40));
        CAPTURE(round, k);
        CHECK(top_k_sums(first, second, k) == brute_force(first, second, k));
    }
}

TEST_CASE("sums that round to one number are still told apart", "[product-keys]") {
    // In float 1 + 1e-9 is 1.
    const std::vector<Real> first{1}, second{0, 1e-9f, -1e-9f};
    const auto best = top_k_sums(first, second, 3);
    CHECK(best == std::vector<Scored>{{1, 1}, {0, 1}, {2, 1}});
}

TEST_CASE("sums that are no numbers come last", "[product-keys]") {
    constexpr Real inf = std::numeric_limits<Real>::infinity(), nan = std::numeric_limits<Real>::quiet_NaN();
    const std::vector<Real> first{-inf, 1, nan}, second{inf, 0};
    const auto best = top_k_sums(first, second, 6);
    REQUIRE(best.size() == 6);
    CHECK(best[0] == Scored{2, inf});
    CHECK(best[1] == Scored{3, 1});
    for (std::size_t i = 2; i < 6; ++i) CHECK(best[i].score == -inf);
    CHECK(top_k_sums({}, second, 3).empty());
    CHECK(top_k_sums(first, second, 0).empty());
}

TEST_CASE("product keys select the slots that a search of all would", "[product-keys]") {
    for (const auto& [heads, n, width, k] :
         {std::array<Index, 4>{1, 1, 1, 1}, {2, 12, 4, 5}, {3, 7, 10, 49}, {1, 40, 16, 32}}) {
        CAPTURE(heads, n, k);
        const Matrix queries = normal(20 * heads, 2 * width, 1), codebooks = normal(heads * 2 * n, width, 2);
        std::vector<Token> slots(static_cast<std::size_t>(20 * heads * k)), expected(slots.size());
        Arena arena;
        select_product_keys(queries, {codebooks, heads}, k, slots, arena);
        naive::select_product_keys(queries, {codebooks, heads}, k, expected);
        CHECK(slots == expected);
    }
}

TEST_CASE("equal product keys are selected by their slots, whatever the threads", "[product-keys]") {
    Matrix codebooks(2 * 9, 3), queries = normal(700, 6, 1);
    for (Index i = 0; i < 18; ++i)
        for (Index j = 0; j < 3; ++j) codebooks(i, j) = static_cast<Real>((i * 7 + j) % 3);
    for (Real& x : queries.view().span()) x = std::round(x);
    std::vector<Token> slots(700 * 11), alone(slots.size()), expected(slots.size());
    Arena arena;
    select_product_keys(queries, {codebooks, 1}, 11, slots, arena);
    naive::select_product_keys(queries, {codebooks, 1}, 11, expected);
    CHECK(slots == expected);
    const ThreadLimit one(1);
    select_product_keys(queries, {codebooks, 1}, 11, alone, arena);
    CHECK(alone == slots);
}

TEST_CASE("product keys that do not fit their queries are refused", "[product-keys]") {
    const Matrix queries(6, 4), codebooks(12, 2);
    std::vector<Token> slots(12);
    Arena arena;
    CHECK_NOTHROW(select_product_keys(queries, {codebooks, 2}, 2, slots, arena));
    CHECK_NOTHROW(select_product_keys(Matrix(0, 4), {codebooks, 2}, 2, {}, arena));
    const auto refuses = [&](const Matrix& q, const Matrix& keys, Index heads, Index k) {
        CHECK_THROWS_AS(select_product_keys(q, {keys, heads}, k, slots, arena), Error);
    };
    refuses(queries, codebooks, 0, 2);
    refuses(queries, codebooks, 4, 2);
    refuses(queries, codebooks, 5, 2);
    refuses(queries, codebooks, 2, 0);
    refuses(queries, codebooks, 2, 10);
    refuses(queries, codebooks, 2, 3);
    refuses(Matrix(6, 5), codebooks, 2, 2);
    refuses(Matrix(6, 0), Matrix(12, 0), 2, 2);
}
