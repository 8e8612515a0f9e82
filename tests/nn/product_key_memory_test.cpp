#include "kvmem/nn/product_key_memory.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

using namespace kvmem;
using test::check_gradients;
using test::normal;

TEST_CASE("a product-key memory has the right gradients", "[nn]") {
    Parameters p;
    const ProductKeyMemory memory(p, "memory", {.width = 5, .keys = 4, .heads = 2, .key_width = 6, .top_k = 3}, 1);
    const Parameter& x = p.add("x", normal(6, 5, 1));
    p.find("memory.norm.gain")->value = normal(1, 6, 2);
    p.find("memory.norm.bias")->value = normal(1, 6, 3);
    check_gradients(p, [&](Tape& t) { return memory(t.parameter(x)); });
}

// What the formula reads from all slots, when all but the best k are left out.
TEST_CASE("a product-key memory reads the mean of the best slots that its weights give", "[nn]") {
    Parameters p;
    const ProductKeyMemory memory(p, "memory", {.width = 7, .keys = 9, .heads = 3, .top_k = 11}, 1);
    const Matrix x = normal(5, 7, 1);
    Tape t;
    const ProductKeyMemory::Read read = memory.read(t.constant(x));
    const Matrix &keys = p.find("memory.keys")->value, &values = p.find("memory.values")->value;
    REQUIRE(keys.cols() == 2);
    REQUIRE(values.rows() == 81);
    const Var query = layer_norm(reshape(linear(t.constant(x), t.parameter(*p.find("memory.query.weight")),
                                                t.parameter(*p.find("memory.query.bias"))),
                                         15, 4),
                                 t.parameter(*p.find("memory.norm.gain")), t.parameter(*p.find("memory.norm.bias")));
    for (Index b = 0; b < 5; ++b) {
        Matrix expected(1, 7);
        for (Index h = 0; h < 3; ++h) {
            const Real* q = query.value().row(3 * b + h);
            std::vector<double> score(81);
            for (Index s = 0; s < 81; ++s) {
                const Real *first = keys.row(18 * h + s / 9), *second = keys.row(18 * h + 9 + s % 9);
                score[s] = q[0] * first[0] + q[1] * first[1] + q[2] * second[0] + q[3] * second[1];
            }
            std::vector<double> sorted = score;
            std::ranges::sort(sorted, std::greater());
            double total = 0;
            for (Index j = 0; j < 11; ++j) total += std::exp(sorted[j]);
            for (Index s = 0; s < 81; ++s)
                if (score[s] >= sorted[10])
                    for (Index j = 0; j < 7; ++j)
                        expected(0, j) += static_cast<Real>(std::exp(score[s]) / total) * values(s, j);
        }
        CHECK(test::distance(read.out.value().middle_rows(b, 1), expected) < 1e-12);
    }
    CHECK(read.slots.size() == 5 * 3 * 11);
    CHECK(read.weights.rows() == 15);
}

TEST_CASE("a product-key memory that has fewer values than keys are read is refused", "[nn]") {
    Parameters p;
    const auto refuses = [&](const ProductKeyOptions& options) {
        CHECK_THROWS_AS(ProductKeyMemory(p, "memory", options, 1), Error);
        CHECK(p.size() == 0);
    };
    refuses({.width = 0, .keys = 8});
    refuses({.width = 4, .keys = 0});
    refuses({.width = 4, .keys = 5, .top_k = 26});
    refuses({.width = 4, .keys = 8, .top_k = 0});
    refuses({.width = 4, .keys = 8, .heads = 0});
    refuses({.width = 4, .keys = 8, .key_width = 3});
    refuses({.width = 4, .keys = 50000});
    const ProductKeyMemory all(p, "memory", {.width = 4, .keys = 5, .top_k = 25}, 1);
    Tape t;
    CHECK(all(t.constant(normal(2, 4, 1))).cols() == 4);
    CHECK(all(t.constant(Matrix(0, 4))).rows() == 0);
    CHECK_THROWS_AS(all(t.constant(Matrix(2, 3))), Error);
}
