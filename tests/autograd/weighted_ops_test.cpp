#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace kvmem;
using test::check_gradients;
using test::normal;

namespace {
struct Bags {
    std::vector<Token> tokens{3, 3, 8, 0, 1, 8, 5};
    std::vector<Index> offsets = test::offsets({2, 0, 4, 1});
    operator RaggedView<Token>() const { return {tokens, offsets}; }
};
}  // namespace

TEST_CASE("weighted rows of a table, and products with them, are those of the formula", "[embed]") {
    const Bags bags;
    const Parameter table("table", normal(9, 40, 1));
    const Matrix weights = normal(7, 1, 2), x = normal(4, 40, 3);
    Matrix sums(4, 40), products(7, 1);
    for (Index i = 0; i < 4; ++i)
        for (Index s = bags.offsets[i]; s < bags.offsets[i + 1]; ++s)
            for (Index k = 0; k < 40; ++k) {
                sums(i, k) += weights(s, 0) * table.value(bags.tokens[s], k);
                products(s, 0) += x(i, k) * table.value(bags.tokens[s], k);
            }
    Tape t;
    CHECK(test::distance(embed_weighted(table, bags, t.constant(weights)).value(), sums) < 1e-12);
    CHECK(test::distance(dot_rows(t.constant(x), table, bags).value(), products) < 1e-12);
    CHECK(embed_weighted(table, {}, t.constant(Matrix(0, 1))).rows() == 0);
    CHECK(dot_rows(t.constant(Matrix(0, 40)), table, {}).rows() == 0);
}

TEST_CASE("weighted rows of a table, and products with them, have the right gradients", "[embed]") {
    const Bags bags;
    Parameters p;
    Parameter &table = p.add("table", normal(9, 5, 1)), &weights = p.add("weights", normal(7, 1, 2)),
              &x = p.add("x", normal(4, 5, 3));
    const auto both = [&](Tape& t) {
        return concat_rows(
            {reshape(embed_weighted(table, bags, t.parameter(weights)), 20, 1), dot_rows(t.parameter(x), table, bags)});
    };
    check_gradients(p, both);
    for (Parameter& one : p) {
        for (Parameter& other : p) other.trainable = &other == &one;
        check_gradients(p, both);
    }
}

TEST_CASE("frozen rows of a table have no gradient from weighted bags", "[embed]") {
    const Bags bags;
    Parameter table("table", normal(9, 5, 1));
    table.frozen = std::vector<bool>(9);
    table.frozen[8] = true;
    Tape t;
    t.backward(sum(embed_weighted(table, bags, t.constant(normal(7, 1, 2)))));
    CHECK(t.gradient(table).find(8) == nullptr);
    CHECK(t.gradient(table).find(3) != nullptr);
}

TEST_CASE("weights and tokens that do not fit a table are refused", "[embed]") {
    const Bags bags;
    Bags wrong;
    wrong.tokens[2] = 9;
    const Parameter table("table", normal(9, 5, 1));
    Tape t;
    const Var weights = t.constant(normal(7, 1, 2)), x = t.constant(normal(4, 5, 3));
    CHECK_THROWS_AS(embed_weighted(table, bags, x), Error);
    CHECK_THROWS_AS(embed_weighted(table, wrong, weights), Error);
    CHECK_THROWS_AS(dot_rows(weights, table, bags), Error);
    CHECK_THROWS_AS(dot_rows(x, table, wrong), Error);
}
