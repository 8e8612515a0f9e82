#include "kvmem/kernels/embed.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

using namespace kvmem;
using test::normal;
using test::same_bits;

static void embed_sum_backward(RaggedView<Token> bags, BagScale scale, ConstView grad_out, SparseRows& grad,
                               const PositionFactors& positions = {}) {
    Arena arena;
    embed_sum_backward(list_tokens(bags, grad.rows(), arena), scale, grad_out, grad, arena, {}, positions);
}

static Ragged<Token> random_bags(Index bags, Index tokens, std::uint64_t seed) {
    Ragged<Token> all;
    Rng rng(seed);
    for (Index i = 0; i < bags; ++i) {
        for (Index n = rng.below(6); n > 0; --n) all.values.push_back(static_cast<Token>(rng.below(tokens)));
        all.end_row();
    }
    return all;
}

static double factor(BagScale scale, std::size_t n) {
    if (n == 0) return 1;
    const auto count = static_cast<double>(n);
    return scale == BagScale::sum ? 1 : scale == BagScale::mean ? 1 / count : 1 / std::sqrt(count);
}

TEST_CASE("embed_sum and its gradient equal plain loops", "[embed]") {
    for (const BagScale scale : {BagScale::sum, BagScale::inverse_sqrt, BagScale::mean})
        for (const Index d : {0, 1, 20, 33}) {
            const Matrix table = normal(9, d, 1), grad_out = normal(30, d, 2);
            const Ragged<Token> bags = random_bags(30, 9, 3);
            Matrix out(30, d), expected(30, d), grad(9, d);
            out.fill(std::numeric_limits<Real>::quiet_NaN());
            embed_sum(table, bags, scale, out);
            SparseRows sparse(9, d);
            embed_sum_backward(bags, scale, grad_out, sparse);
            for (Index i = 0; i < 30; ++i)
                for (const Token token : bags[i])
                    for (Index j = 0; j < d; ++j) {
                        const double f = factor(scale, bags[i].size());
                        expected(i, j) += static_cast<Real>(f * table(token, j));
                        grad(token, j) += static_cast<Real>(f * grad_out(i, j));
                    }
            CHECK(test::distance(out, expected) < 1e-5);
            CHECK(test::distance(sparse.dense(), grad) < 1e-5);
        }
}

TEST_CASE("outer products go back as the gradient that they add up to does", "[embed]") {
    const std::vector<Index> segments{0, 0, 7, 8, 8, 30};
    const Ragged<Token> bags = random_bags(30, 9, 3);
    const std::vector<bool> frozen{false, true, false, false, false, false, false, false, true};
    for (const BagScale scale : {BagScale::sum, BagScale::inverse_sqrt})
        for (const Index d : {0, 1, 3, 20, 33, 128, 200})
            for (const Index terms : {0, 1, 2, 4, 9}) {
                CAPTURE(d, terms);
                std::vector<Matrix> weights, vectors;
                std::vector<OuterProducts::Term> all;
                for (Index k = 0; k < terms; ++k) {
                    weights.push_back(normal(30, 1, static_cast<std::uint64_t>(2 * k)));
                    vectors.push_back(normal(5, d, static_cast<std::uint64_t>(2 * k + 1)));
                }
                Matrix written(30, d), expected = written;
                for (std::size_t k = 0; k < vectors.size(); ++k) {
                    all.push_back({weights[k].view().span(), vectors[k]});
                    for (Index s = 0; s < 30; ++s)
                        for (Index j = 0; j < d; ++j)
                            expected(s, j) += weights[k](s, 0) * vectors[k](s < 7 ? 1 : s < 8 ? 2 : 4, j);
                }
                const OuterProducts products{segments, all};
                add_outer_products(products, written);
                CHECK(test::distance(written, expected) < 1e-5);
                Arena arena;
                const TokenLists lists = list_tokens(bags, 9, arena);
                SparseRows got(9, d), twin(9, d);
                for (int twice = 0; twice < 2; ++twice) {
                    embed_sum_backward(lists, scale, products, got, arena, frozen);
                    embed_sum_backward(lists, scale, expected, twin, arena, frozen);
                }
                CHECK(got.find(1) == nullptr);
                CHECK(test::distance(got.dense(), twin.dense()) < 1e-4);
            }
    const Matrix weight = normal(30, 1, 1), vectors = normal(5, 4, 2), narrow = normal(5, 3, 2), few = normal(4, 4, 2);
    Arena arena;
    const TokenLists lists = list_tokens(bags, 9, arena);
    SparseRows grad(9, 4);
    const auto refused = [&](std::span<const Index> offsets, std::span<const Real> weights, ConstView rows) {
        const OuterProducts::Term term{weights, rows};
        CHECK_THROWS_AS(embed_sum_backward(lists, BagScale::sum, {offsets, std::span(&term, 1)}, grad, arena), Error);
        CHECK(grad.touched().empty());
    };
    const std::vector<Index> falling{0, 9, 7, 8, 8, 30}, late{1, 2, 7, 8, 8, 30}, shorter{0, 0, 7, 8, 8, 29};
    refused(falling, weight.view().span(), vectors);
    refused(late, weight.view().span(), vectors);
    refused(shorter, weight.view().span(), vectors);
    refused({}, weight.view().span(), vectors);
    refused(segments, weight.view().span().first(29), vectors);
    refused(segments, weight.view().span(), narrow);
    refused(segments, weight.view().span(), few);
    SparseRows taller(10, 4);
    CHECK_THROWS_AS(embed_sum_backward(lists, BagScale::sum, OuterProducts{segments, {}}, taller, arena), Error);
    const TokenLists nothing = list_tokens({}, 9, arena);
    CHECK_THROWS_AS(embed_sum_backward(nothing, BagScale::sum, Matrix(0, 4), taller, arena), Error);
}

TEST_CASE("tokens are listed in order, with all their places", "[embed]") {
    for (const Index rows : {1, 2, 40, 2048, 2049, 5'000'000}) {
        const Ragged<Token> bags = random_bags(301, rows, static_cast<std::uint64_t>(rows));
        Arena arena;
        const TokenLists lists = list_tokens(bags, rows, arena);
        std::vector<std::array<Index, 3>> expected, got;
        for (Index i = 0; i < bags.size(); ++i)
            for (Index j = 0; j < std::ssize(bags[i]); ++j)
                expected.push_back({bags[i][static_cast<std::size_t>(j)], i, j});
        std::ranges::sort(expected);
        const auto& [same_bags, same_rows, tokens, offsets, entries] = lists;
        REQUIRE(offsets.size() == tokens.size() + 1);
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            CHECK(offsets[i] < offsets[i + 1]);
            CHECK((i == 0 || tokens[i - 1] < tokens[i]));
            for (Index at = offsets[i]; at < offsets[i + 1]; ++at) {
                const auto [bag, place] = entries[static_cast<std::size_t>(at)];
                got.push_back({tokens[i], bag, place});
            }
        }
        std::ranges::sort(got);
        CHECK(got == expected);
    }
    Arena arena;
    CHECK(list_tokens({}, 0, arena).offsets.size() == 1);
}

TEST_CASE("an empty bag is zero and touches nothing", "[embed]") {
    const Matrix table = normal(3, 4, 1);
    Ragged<Token> bags;
    bags.end_row();
    bags.end_row();
    Matrix out = normal(2, 4, 2);
    embed_sum(table, bags, BagScale::mean, out);
    CHECK(test::distance(out, Matrix(2, 4)) == 0);
    SparseRows grad(3, 4);
    embed_sum_backward(bags, BagScale::mean, out, grad);
    CHECK(grad.touched().empty());
    embed_sum(table, {}, BagScale::sum, Matrix(0, 4));
}

TEST_CASE("bags that do not fit the table are refused before anything is written", "[embed]") {
    const Matrix table = normal(3, 2, 1), before = normal(2, 2, 2);
    for (const Token bad : {-1, 3, std::numeric_limits<Token>::max(), std::numeric_limits<Token>::min()}) {
        Ragged<Token> bags;
        bags.push_row(std::vector<Token>{0, 1});
        bags.push_row(std::vector<Token>{bad});
        Matrix out = before;
        SparseRows grad(3, 2);
        CHECK_THROWS_WITH(embed_sum(table, bags, BagScale::sum, out), Catch::Contains("expected 0 to 2"));
        CHECK_THROWS_AS(embed_sum_backward(bags, BagScale::sum, before, grad), Error);
        CHECK(test::same_bits(out, before));
        CHECK(grad.touched().empty());
    }
    const std::vector<Token> tokens{0, 1};
    Matrix out(2, 2);
    for (const std::vector<Index>& offsets : {std::vector<Index>{0, 3, 2}, {0, 1, 9}, {0, -1, 2}, {1, 1, 2}})
        CHECK_THROWS_AS(embed_sum(table, {tokens, offsets}, BagScale::sum, out), Error);
    const std::vector<Index> offsets{0, 1, 2};
    CHECK_THROWS_AS(embed_sum(table, {tokens, offsets}, BagScale::sum, Matrix(2, 3)), Error);
    CHECK_THROWS_AS(embed_sum(table, {tokens, offsets}, BagScale::sum, Matrix(1, 2)), Error);
}

TEST_CASE("the position encoding is the paper's equation", "[embed]") {
    Ragged<Token> bags;
    for (const std::size_t length : {3u, 1u, 0u, 3u, 7u}) bags.push_row(std::vector<Token>(length, 0));
    const Index d = 20;
    Arena arena;
    const PositionFactors p = position_encoding(bags, d, arena);
    REQUIRE(p.first.size() == 5);
    CHECK(p.first[0] == p.first[3]);  // one table a length
    CHECK(p.factors.rows == 11);
    for (Index i = 0; i < 5; ++i) {
        const auto J = static_cast<double>(bags[i].size());
        for (Index j = 1; j <= std::ssize(bags[i]); ++j)
            for (Index k = 1; k <= d; ++k) {
                const double place = static_cast<double>(j) / J,
                             column = static_cast<double>(k) / static_cast<double>(d);
                const double l = (1 - place) - column * (1 - 2 * place);
                CHECK(double{p.factors(p.first[static_cast<std::size_t>(i)] + j - 1, k - 1)} == Approx(l).margin(1e-6));
            }
    }
    const PositionFactors none = position_encoding({}, d, arena);
    CHECK(none.first.empty());
}

TEST_CASE("the aligned encoding is the authors' formula, the same for a place in any sentence", "[embed]") {
    Ragged<Token> bags;
    for (const std::size_t length : {3u, 1u, 0u, 9u}) bags.push_row(std::vector<Token>(length, 0));
    const Index d = 20, J = 7;
    Arena arena;
    const PositionFactors p = aligned_encoding(bags, d, J, arena);
    CHECK(p.factors.rows == 9);
    for (const Index first : p.first) CHECK(first == 0);
    for (Index j = 1; j <= 9; ++j)
        for (Index k = 1; k <= d; ++k) {
            const double l = 1 + 4 * (static_cast<double>(k) - 10.5) * (static_cast<double>(j) - 4) / 140;
            CHECK(double{p.factors(j - 1, k - 1)} == Approx(l).margin(1e-6));
        }
    CHECK(aligned_encoding({}, d, J, arena).first.empty());
}

TEST_CASE("sentences with factors of places and start rows equal the naive twin", "[embed]") {
    for (const Index d : {1, 3, 4, 7, 8, 16, 20, 33, 50, 64, 100, 131}) {
        const Matrix table = normal(9, d, 1), times = normal(6, d, 2), grad_out = normal(40, d, 3);
        const Ragged<Token> bags = random_bags(40, 9, static_cast<std::uint64_t>(d));
        std::vector<Token> rows;
        for (Index i = 0; i < 40; ++i) rows.push_back(static_cast<Token>(i % 6));
        Arena arena;
        const PositionFactors places = position_encoding(bags, d, arena);
        const StartRows start{times, rows};
        Matrix out(40, d), expected(40, d);
        CAPTURE(d);
        for (const BagScale scale : {BagScale::sum, BagScale::mean}) {
            out.fill(std::numeric_limits<Real>::quiet_NaN());
            embed_sum(table, bags, scale, out, places, start);
            naive::embed_sum(table, bags, scale, expected, places, start);
            CHECK(test::distance(out, expected) < 1e-5);
            embed_sum(table, bags, scale, out, {}, start);
            naive::embed_sum(table, bags, scale, expected, {}, start);
            CHECK(test::distance(out, expected) < 1e-5);
        }
        SparseRows sparse(9, d);
        embed_sum_backward(bags, BagScale::sum, grad_out, sparse, places);
        Matrix grad(9, d);
        for (Index i = 0; i < 40; ++i)
            for (std::size_t j = 0; j < bags[i].size(); ++j)
                for (Index k = 0; k < d; ++k)
                    grad(bags[i][j], k) +=
                        grad_out(i, k) *
                        places.factors(places.first[static_cast<std::size_t>(i)] + static_cast<Index>(j), k);
        CHECK(test::distance(sparse.dense(), grad) < 1e-4);
    }
}

TEST_CASE("large calls equal plain loops, with the same bits on any number of threads and in memory used before",
          "[embed]") {
    const Index rows = 5000, d = 67, count = 20'000;  // a table and gradients that the second-level cache does not hold
    const Matrix table = normal(rows, d, 1), grad_out = normal(count, d, 2);
    Ragged<Token> bags = random_bags(count - 100, rows, 3);
    for (int i = 0; i < 100; ++i) bags.end_row();  // the last ones are empty
    Matrix expected(count, d), sums(rows, d);
    naive::embed_sum(table, bags, BagScale::mean, expected);
    for (Index i = 0; i < count; ++i)
        for (const Token token : bags[i])
            for (Index k = 0; k < d; ++k)
                sums(token, k) += static_cast<Real>(2 * factor(BagScale::mean, bags[i].size()) * grad_out(i, k));
    Matrix first_out, first_grad;
    SparseRows grad(rows, d);
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        Matrix out(count, d);
        embed_sum(table, bags, BagScale::mean, out);
        grad.clear();
        for (Index i = 0; i < rows; ++i) std::fill_n(grad.touch(i), d, Real(7));  // what nothing may be added to
        grad.clear();
        for (int twice = 0; twice < 2; ++twice) embed_sum_backward(bags, BagScale::mean, grad_out, grad);
        Matrix all(rows, d);
        std::copy_n(grad.dense().data, all.size(), all.data());
        if (threads == 1) {
            CHECK(test::distance(out, expected) < 1e-5);
            CHECK(test::distance(all, sums) < 1e-4);
            first_out = out, first_grad = all;
        }
        CHECK(test::same_bits(out, first_out));
        CHECK(test::same_bits(all, first_grad));
    }
}

TEST_CASE("factors and start rows that do not fit are refused", "[embed]") {
    const Matrix table = normal(3, 2, 1), factors = normal(2, 2, 2), narrow = normal(2, 1, 3);
    Ragged<Token> bags;
    bags.push_row(std::vector<Token>{0, 1});
    Matrix out(1, 2);
    const auto refused = [&](const PositionFactors& positions, const StartRows& start) {
        CHECK_THROWS_AS(embed_sum(table, bags, BagScale::sum, out, positions, start), Error);
    };
    const std::vector<Index> at0{0}, at1{1}, before{-1}, two{0, 0};
    CHECK_NOTHROW(embed_sum(table, bags, BagScale::sum, out, {factors, at0}));
    for (const auto& first : std::vector<std::vector<Index>>{at1, before, two, {}}) refused({factors, first}, {});
    refused({narrow, at0}, {});
    const std::vector<Token> row0{0}, row2{2}, below{-1};
    CHECK_NOTHROW(embed_sum(table, bags, BagScale::sum, out, {}, {factors, row0}));
    for (const auto& row : std::vector<std::vector<Token>>{row2, below, {}}) refused({}, {factors, row});
    refused({}, {narrow, row0});
}

TEST_CASE("a bag of two million equal tokens has the right sum", "[embed]") {
    constexpr Index count = 2'000'000;
    Matrix factors(count, 3);
    factors.fill(1);
    for (const Index width : {3, 20, 64}) {
        Matrix table(1, width), out(2, width);
        table.fill(Real(0.1));
        const std::vector<Token> tokens(count + 1, 0);
        const std::vector<Index> offsets{0, count, count + 1}, first{0, 0};
        const double right = double{table(0, 0)} * count;
        for (const bool weighted : {false, true}) {
            if (weighted && width != factors.cols()) continue;
            embed_sum(table, {tokens, offsets}, BagScale::sum, out,
                      weighted ? PositionFactors{factors, first} : PositionFactors{});
            for (Index k = 0; k < width; ++k) {
                REQUIRE(double{out(0, k)} == Approx(right).epsilon(2e-5));
                REQUIRE(out(1, k) == table(0, k));
            }
        }
    }
}

TEST_CASE("a bag of some hundred tokens is summed token by token", "[embed]") {
    const Index width = 20, count = 700;
    const Matrix table = normal(50, width, 1);
    std::vector<Token> tokens;
    for (Index t = 0; t < count; ++t) tokens.push_back(static_cast<Token>(t * 7 % 50));
    const std::vector<Index> offsets{0, count};
    Matrix out(1, width), line(1, width);
    embed_sum(table, {tokens, offsets}, BagScale::sum, out);
    for (const Token token : tokens)
        for (Index k = 0; k < width; ++k) line(0, k) += table(token, k);
    CHECK(same_bits(out, line));
}
