#include "kvmem/nn/gated_delta_net.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace kvmem;
using test::check_gradients;
using test::normal;
using test::same_bits;

// Zeros would hide a wrong gradient.
static void shake(Parameters& parameters) {
    std::uint64_t seed = 100;
    for (Parameter& p : parameters) p.value = normal(p.value.rows(), p.value.cols(), ++seed);
}

TEST_CASE("a gated delta net has the right gradients", "[nn]") {
    Parameters p;
    const GatedDeltaNet net(p, "net", {.width = 6, .heads = 2, .head_key = 2, .head_value = 4}, 1);
    Parameter &x = p.add("x", Matrix(7, 6)), &memory = p.add("memory", Matrix(3, 16));
    shake(p);
    check_gradients(p, [&](Tape& t) {
        const GatedDeltaNet::State initial{t.parameter(memory)};
        const GatedDeltaNet::Run run = net(t.parameter(x), test::offsets({2, 0, 5}), &initial);
        const auto flat = [](Var v) { return reshape(v, v.value().size(), 1); };
        return concat_rows({flat(run.out), flat(run.last.memory)});
    });
}

TEST_CASE("steps of a gated delta net have the bits of a whole run, in any order of rows, and chunks nearly", "[nn]") {
    Parameters p;
    const GatedDeltaNet net(p, "net", {.width = 8, .heads = 2}, 1);
    const Matrix x = normal(120, 8, 1);
    Tape t;
    t.set_training(false);
    const GatedDeltaNet::Run whole = net(t.constant(x), test::offsets({40, 40, 40}));
    t.set_training(true);
    const GatedDeltaNet::Run chunks = net(t.constant(x), test::offsets({40, 40, 40}));
    CHECK(test::distance(chunks.out.value(), whole.out.value()) < 1e-12);
    CHECK(test::distance(chunks.last.memory.value(), whole.last.memory.value()) < 1e-12);
    t.set_training(false);
    GatedDeltaNet::State state = net.start(t, 3);
    for (Index i = 0; i < 40; ++i) {
        // Rows move one place a step.
        const auto sequence = [&](Index row) { return (row + i) % 3; };
        if (i > 0) state.memory = take_rows(state.memory, std::vector<Index>{1, 2, 0});
        const auto row_of = [&](Index row) { return 40 * sequence(row) + i; };
        const Var rows = take_rows(t.constant(x), std::vector<Index>{row_of(0), row_of(1), row_of(2)});
        const auto run = net.step(rows, state);
        const auto alone = net.step(slice_rows(rows, 1, 1), {slice_rows(state.memory, 1, 1)});
        CHECK(same_bits(alone.out.value(), run.out.value().middle_rows(1, 1)));
        state = run.last;
        for (Index row = 0; row < 3; ++row)
            CHECK(same_bits(run.out.value().middle_rows(row, 1), whole.out.value().middle_rows(row_of(row), 1)));
    }
    CHECK(same_bits(take_rows(state.memory, std::vector<Index>{0, 1, 2}).value(), whole.last.memory.value()));
}

TEST_CASE("heads of a gated delta net begin to forget after 8 to 512 rows", "[nn]") {
    Parameters p;
    const GatedDeltaNet net(p, "net", {.width = 8, .heads = 4}, 1);
    const Matrix& bias = p.find("net.decay.bias")->value;
    for (Index h = 0; h < 4; ++h) CHECK(1 / (1 + std::exp(bias(0, h))) == Approx(1 / std::exp2(3 + 2 * h)));
}

TEST_CASE("gated delta nets and inputs that cannot be are refused", "[nn]") {
    Parameters p;
    CHECK_THROWS_AS(GatedDeltaNet(p, "net", {.width = 0}, 1), Error);
    CHECK_THROWS_AS(GatedDeltaNet(p, "net", {.width = 6, .heads = 4}, 1), Error);
    CHECK_THROWS_AS(GatedDeltaNet(p, "net", {.width = 6, .heads = 2, .head_key = -1}, 1), Error);
    CHECK(p.size() == 0);
    const GatedDeltaNet net(p, "net", {.width = 6, .heads = 2}, 1);
    Tape t;
    CHECK_THROWS_AS(net(t.constant(Matrix(3, 5)), test::offsets({3})), Error);
    CHECK_THROWS_AS(net(t.constant(Matrix(3, 6)), test::offsets({2})), Error);
    CHECK_THROWS_AS(net(t.constant(Matrix(3, 6)), {}), Error);
    CHECK_THROWS_AS(net.step(t.constant(Matrix(3, 6)), net.start(t, 2)), Error);
    CHECK_THROWS_AS(net.start(t, -1), Error);
}
