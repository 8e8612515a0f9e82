#include "kvmem/nn/layers.hpp"

#include "kvmem/nn/key_value_memory.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

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
}

TEST_CASE("a key-value memory of two hops has the right gradients", "[nn]") {
    Parameters p;
    Parameter &query = p.add("query", normal(3, 4, 1)), &key = p.add("key", normal(5, 4, 2)),
              &value = p.add("value", normal(5, 4, 3));
    const KeyValueMemory memory(p, "memory", 4, 2);
    CHECK(memory.hops() == 2);
    for (const char* name : {"memory.R1", "memory.R2"})
        for (Real& x : p.find(name)->value.view().span()) x += static_cast<Real>(0.3);
    const auto queries = offsets({1, 1, 1}), slots = offsets({3, 0, 2});
    check_gradients(p, [&](Tape& t) {
        return memory.read(t.parameter(query), t.parameter(key), t.parameter(value), {queries, slots}).state;
    });
}

TEST_CASE("a new memory adds what it reads to the query, hop by hop", "[nn]") {
    Parameters p;
    const KeyValueMemory memory(p, "memory", 2, 2);
    // One slot: it is read whole, whatever the query.
    const Matrix query = normal(2, 2, 1), key = normal(1, 2, 2), value = normal(1, 2, 3);
    const auto queries = offsets({1, 1}), slots = offsets({1, 0});
    Tape t;
    const auto result = memory.read(t.constant(query), t.constant(key), t.constant(value), {queries, slots});
    REQUIRE(result.hops.size() == 2);
    for (Index j = 0; j < 2; ++j) {
        CHECK(result.hops[1].query.value()(0, j) == Approx(query(0, j) + value(0, j)));
        CHECK(result.state.value()(0, j) == Approx(query(0, j) + 2 * value(0, j)));
        CHECK(result.state.value()(1, j) == query(1, j));  // nothing to read
    }
    const KeyValueMemory none(p, "none", 2, 0);
    const Var asked = t.constant(query);
    CHECK(none.read(asked, t.constant(key), t.constant(value), {queries, slots}).state.node == asked.node);
}
