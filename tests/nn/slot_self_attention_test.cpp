#include "kvmem/nn/slot_self_attention.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;
using test::check_gradients;
using test::distance;
using test::normal;
using test::offsets;
using test::same_bits;

TEST_CASE("slot self-attention has the right gradients, with dropout and causal order too", "[nn]") {
    for (const double rate : {0.0, 0.3})
        for (const Activation f : {Activation::gelu, Activation::tanh}) {
            Parameters p;
            Parameter& x = p.add("x", normal(5, 4, 1));
            const SlotSelfAttention layer(p, "s",
                                          {.width = 4, .heads = 2, .inner = 3, .activation = f, .dropout = rate}, 1);
            const auto slots = offsets({3, 0, 2});
            check_gradients(p, [&](Tape& t) { return layer(t.parameter(x), slots).slots; });
            check_gradients(p, [&](Tape& t) { return layer(t.parameter(x), slots, {.causal = true}).slots; });
        }
}

TEST_CASE("slot self-attention is its formula", "[nn]") {
    Parameters p;
    const SlotSelfAttention layer(p, "s", {.width = 4, .heads = 2, .activation = Activation::relu}, 7);
    CHECK(p.find("s.feed_forward.in.weight")->value.rows() == 16);
    for (const char* bias : {"s.norm1.bias", "s.norm2.bias", "s.feed_forward.in.bias", "s.feed_forward.out.bias"})
        p.find(bias)->value = normal(1, p.find(bias)->value.cols(), 5);
    p.find("s.norm2.gain")->value = normal(1, 4, 6);
    const Matrix slots = normal(3, 4, 1);
    const auto all = offsets({3});
    Tape t;
    const auto var = [&](const char* name) { return t.parameter(*p.find(name)); };
    const Var x = t.constant(slots);
    const auto norm1 = layer_norm(x, var("s.norm1.gain"), var("s.norm1.bias"));
    const auto project = [&](const char* weight) { return linear(norm1, var(weight)); };
    const auto read = attend(project("s.attention.query.weight"), project("s.attention.key.weight"),
                             project("s.attention.value.weight"), {all, all},
                             {.heads = 2, .scale = static_cast<Real>(1 / std::sqrt(2.0))});
    const Var y = add(x, linear(read.read, var("s.attention.out.weight")));
    const Var norm2 = layer_norm(y, var("s.norm2.gain"), var("s.norm2.bias"));
    const Var inner =
        activate(linear(norm2, var("s.feed_forward.in.weight"), var("s.feed_forward.in.bias")), Activation::relu);
    const Var out = add(y, linear(inner, var("s.feed_forward.out.weight"), var("s.feed_forward.out.bias")));
    const auto result = layer(x, all);
    CHECK(distance(result.slots.value(), out.value()) < 1e-13);
    CHECK(result.attention.weights().rows() == 3 * 2 * 3);
}

TEST_CASE("slots of one question do not see those of another, and their order makes no difference", "[nn]") {
    Parameters p;
    const SlotSelfAttention layer(p, "s", {.width = 4, .heads = 2}, 1);
    const Matrix slots = normal(5, 4, 1);
    const auto both = offsets({3, 2}), first = offsets({3});
    const std::vector<Index> three{0, 1, 2}, turned{2, 0, 1};
    Tape t;
    const Var x = t.constant(slots);
    const ConstView together = layer(x, both).slots.value();
    const ConstView alone = layer(take_rows(x, three), first).slots.value();
    CHECK(distance(together.middle_rows(0, 3), alone) < 1e-14);
    const Var after = layer(take_rows(x, turned), first).slots;
    CHECK(distance(after.value(), take_rows(t.constant(alone), turned).value()) < 1e-13);
}

TEST_CASE("slot self-attention refuses what cannot be", "[nn]") {
    Parameters p;
    for (const SlotSelfAttentionOptions& wrong : {SlotSelfAttentionOptions{},
                                                  {.width = -1},
                                                  {.width = 4, .heads = 3},
                                                  {.width = 4, .inner = -1},
                                                  {.width = 4, .dropout = 1},
                                                  {.width = 4, .dropout = -0.1},
                                                  {.width = 4, .dropout = std::numeric_limits<double>::quiet_NaN()}})
        CHECK_THROWS_AS(SlotSelfAttention(p, "s", wrong, 1), Error);
    CHECK(p.size() == 0);
    const SlotSelfAttention layer(p, "s", {.width = 4}, 1);
    const Matrix narrow = normal(2, 3, 1), right = normal(2, 4, 1);
    const auto two = offsets({2}), three = offsets({3});
    Tape t;
    CHECK_THROWS_AS(layer(t.constant(narrow), two), Error);
    CHECK_THROWS_AS(layer(t.constant(right), three), Error);
}
