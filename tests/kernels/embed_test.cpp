#include "kvmem/kernels/embed.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;
using test::normal;

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
