#include "kvmem/nn/product_key_memory.hpp"

#include "kvmem/autograd/optimizer.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace kvmem;
using test::normal;
using test::same_bits;

TEST_CASE("a training step touches the values of a million that a batch reads, and no others", "[nn]") {
    Parameters p;
    const ProductKeyMemory memory(p, "memory", {.width = 4, .keys = 1000, .heads = 2, .top_k = 8}, 1);
    Parameter& values = *p.find("memory.values");
    REQUIRE(values.value.rows() == 1000000);
    const Matrix before = values.value, x = normal(10, 4, 1);
    Optimizer optimizer(p, {.method = Method::adam});
    Tape t;
    const ProductKeyMemory::Read read = memory.read(t.constant(x));
    const std::set<Token> slots(read.slots.begin(), read.slots.end());
    t.backward(mean_squared_error(read.out, t.constant(normal(10, 4, 2))));
    CHECK(t.gradient(values).touched().size() == slots.size());
    optimizer.step(t, 0.01);
    Index changed = 0;
    for (Index i = 0; i < before.rows(); ++i)
        if (!std::equal(before.row(i), before.row(i + 1), values.value.row(i))) {
            ++changed;
            CHECK(slots.contains(static_cast<Token>(i)));
        }
    CHECK(changed == std::ssize(slots));
}

TEST_CASE("a product-key memory learns what it is shown", "[nn]") {
    Parameters p;
    const ProductKeyMemory memory(p, "memory", {.width = 8, .keys = 32, .heads = 2, .top_k = 4}, 1);
    const Matrix x = normal(40, 8, 1), y = normal(40, 8, 2);
    Optimizer optimizer(p, {.method = Method::adam});
    Tape t;
    double loss = 0;
    for (int step = 0; step < 100; ++step) {
        t.reset();
        const Var error = mean_squared_error(memory(t.constant(x)), t.constant(y));
        loss = double{error.value()(0, 0)};
        t.backward(error);
        optimizer.step(t, 0.03);
    }
    CHECK(loss < 0.05);
}

TEST_CASE("what a row reads from a product-key memory does not depend on the rows beside it", "[nn]") {
    Parameters p;
    const ProductKeyMemory memory(p, "memory", {.width = 16, .keys = 50, .heads = 2, .top_k = 8}, 1);
    const Matrix x = normal(300, 16, 1);
    Tape t;
    const Var all = memory(t.constant(x));
    for (const Index i : {0, 7, 299})
        CHECK(same_bits(memory(t.constant(x.view().middle_rows(i, 1))).value(), all.value().middle_rows(i, 1)));
}
