#include "kvmem/nn/layers.hpp"

#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;
using test::check_gradients;
using test::normal;
using test::offsets;

TEST_CASE("Linear, LayerNorm and Embedding have the right gradients", "[nn]") {
    Parameters p;
    const Embedding embedding(p, "words", 6, 4, 1, 1);
    const Linear linear(p, "map", 4, 3, 1);
    const LayerNorm norm(p, "norm", 3);
    CHECK(p.size() == 5);
    CHECK(p.find("norm.gain")->value(0, 1) == 1);
    CHECK(p.find("map.bias")->value(0, 1) == 0);
    Ragged<Token> bags;
    bags.push_row(std::vector<Token>{1, 5, 5});
    bags.end_row();
    bags.push_row(std::vector<Token>{0});
    p.find("map.bias")->value = normal(1, 3, 2);
    check_gradients(p, [&](Tape& t) { return norm(linear(embedding(t, bags, BagScale::inverse_sqrt))); });
    check_gradients(
        p,
        [&](Tape& t) {
            return norm(linear(embedding(t, std::vector<Token>{1, 5, 5})));
        },
        1e-6);
}

TEST_CASE("FeedForward and a Linear without a bias have the right gradients", "[nn]") {
    Parameters p;
    Parameter& x = p.add("x", normal(3, 4, 1));
    const FeedForward feed_forward(p, "ff", 4, 5, Activation::gelu, 1);
    const Linear linear(p, "map", 4, 3, 1, {.bias = false});
    CHECK(p.find("map.bias") == nullptr);
    p.find("ff.in.bias")->value = normal(1, 5, 2);
    check_gradients(p, [&](Tape& t) { return linear(feed_forward(t.parameter(x))); });
}

TEST_CASE("weights begin with the deviation that their layer states", "[nn]") {
    Parameters p;
    const Linear by_input(p, "a", 400, 100, 1);
    const Linear xavier(p, "b", 400, 100, 1, {.init = Init::xavier});
    const auto deviation = [&](const char* name) {
        double squares = 0;
        for (const Real x : p.find(name)->value.view().span()) squares += double{x} * double{x};
        return std::sqrt(squares / 40000);
    };
    CHECK(deviation("a.weight") == Approx(std::sqrt(1 / 400.0)).epsilon(0.03));
    CHECK(deviation("b.weight") == Approx(std::sqrt(2 / 500.0)).epsilon(0.03));
}
