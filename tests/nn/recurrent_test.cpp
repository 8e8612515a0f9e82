#include "kvmem/nn/recurrent.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace kvmem;
using test::check_gradients;
using test::normal;
using test::same_bits;

// Zeros would hide a wrong gradient.
static void shake(Parameters& parameters) {
    std::uint64_t seed = 100;
    for (Parameter& p : parameters) p.value = normal(p.value.rows(), p.value.cols(), ++seed, 0.7);
}

// Checks the gradients of outputs and last states by parameters, inputs and initial states.
static void check_network(const RecurrentOptions& options) {
    Parameters p;
    const Recurrent network(p, "net", options, 1);
    const auto offsets = test::offsets({2, 0, 4, 1});
    const Index n = 4, w = options.projection > 0 ? options.projection : options.width;
    Parameter& x = p.add("x", Matrix(7, options.in));
    std::vector<Parameter*> h, c;
    const Index states = options.layers * (options.bidirectional ? 2 : 1);
    for (Index i = 0; i < states; ++i) {
        h.push_back(&p.add("h" + std::to_string(i), Matrix(n, w)));
        if (options.cell == Cell::lstm) c.push_back(&p.add("c" + std::to_string(i), Matrix(n, options.width)));
    }
    shake(p);
    check_gradients(p, [&](Tape& t) {
        Recurrent::State initial;
        for (const Parameter* s : h) initial.h.push_back(t.parameter(*s));
        for (const Parameter* s : c) initial.c.push_back(t.parameter(*s));
        const Recurrent::Run run = network(t.parameter(x), offsets, &initial);
        std::vector<Var> parts{reshape(run.out, run.out.value().size(), 1)};
        for (const Var s : run.last.h) parts.push_back(reshape(s, s.value().size(), 1));
        for (const Var s : run.last.c) parts.push_back(reshape(s, s.value().size(), 1));
        return concat_rows(parts);
    });
}

TEST_CASE("recurrent networks of every cell have the right gradients", "[nn]") {
    for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru, Cell::gru_reset_before, Cell::min_gru, Cell::min_lstm}) {
        CAPTURE(choices(cell)[static_cast<std::size_t>(cell)]);
        check_network({.cell = cell, .in = 3, .width = 4});
        check_network({.cell = cell, .in = 3, .width = 3, .layers = 2, .bidirectional = true, .dropout = 0.3});
        if (!is_minimal(cell)) check_network({.cell = cell, .in = 3, .width = 4, .recurrent_dropout = 0.4});
    }
}

TEST_CASE("the options of an LSTM have the right gradients", "[nn]") {
    check_network({.in = 3, .width = 4, .peepholes = true});
    check_network({.in = 3, .width = 4, .projection = 2});
    check_network({.in = 3, .width = 4, .layer_norm = true});
    check_network({.in = 3,
                   .width = 4,
                   .bidirectional = true,
                   .recurrent_dropout = 0.4,
                   .peepholes = true,
                   .layer_norm = true,
                   .projection = 5});
}

TEST_CASE("steps of a recurrent network have the right gradients", "[nn]") {
    for (const Cell cell : {Cell::lstm, Cell::gru, Cell::min_lstm}) {
        Parameters p;
        const Recurrent network(
            p, "net", {.cell = cell, .in = 2, .width = 3, .layers = 2, .recurrent_dropout = is_minimal(cell) ? 0 : 0.5},
            1);
        const Parameter& x = p.add("x", Matrix(3, 2));
        shake(p);
        check_gradients(p, [&](Tape& t) {
            Recurrent::State state = network.start(t, 3);
            Var in = t.parameter(x), sum = in;
            for (int i = 0; i < 3; ++i) {
                const Recurrent::Run run = network.step(in, state);
                state = run.last;
                sum = i == 0 ? run.out : sum + run.out;
                in = slice_cols(run.out, 1, 2);
            }
            return sum;
        });
    }
}

TEST_CASE("packed weights of one network do no harm to another, and serve steps of later passes", "[nn]") {
    Parameters p;
    const RecurrentOptions options{.cell = Cell::gru, .in = 3, .width = 5};
    const Recurrent encoder(p, "encoder", options, 1), decoder(p, "decoder", options, 1);
    const Matrix x = normal(4, 3, 1);
    Tape t;
    Recurrent::State state = encoder(t.constant(x), test::offsets({3, 1})).last;
    const auto step = [&](const Recurrent::State& from) {
        const ConstView out = decoder.step(t.constant(x.view().middle_rows(0, 2)), from).out.value();
        Matrix copy(out.rows, out.cols);
        std::copy_n(out.data, out.size(), copy.data());
        return copy;
    };
    const Matrix expected = step({.h = state.h});
    CHECK(same_bits(step(state), expected));
    Arena arena;
    state.packed = decoder.pack(arena);
    t.set_training(false);
    CHECK(same_bits(step(state), expected));
}

TEST_CASE("steps give the bits of the whole run, and what is next to a sequence does not matter", "[nn]") {
    for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru, Cell::gru_reset_before, Cell::min_gru, Cell::min_lstm}) {
        Parameters p;
        const Recurrent network(p, "net", {.cell = cell, .in = 5, .width = 19, .layers = 2}, 1);
        const Matrix x = normal(12, 5, 1);
        Tape t;
        t.set_training(false);
        const Recurrent::Run whole = network(t.constant(x), test::offsets({4, 4, 4}));
        Recurrent::State state = network.start(t, 3);
        for (Index step = 0; step < 4; ++step) {
            const Var rows = take_rows(t.constant(x), std::vector<Index>{step, 4 + step, 8 + step});
            const Recurrent::Run run = network.step(rows, state);
            state = run.last;
            for (Index i = 0; i < 3; ++i)
                CHECK(same_bits(run.out.value().middle_rows(i, 1), whole.out.value().middle_rows(4 * i + step, 1)));
        }
        for (std::size_t l = 0; l < 2; ++l) CHECK(same_bits(state.h[l].value(), whole.last.h[l].value()));
    }
}

TEST_CASE("recurrent dropout has one mask for all steps of a sequence, and none outside of training", "[nn]") {
    Parameters p;
    const Recurrent network(p, "net", {.cell = Cell::gru, .in = 3, .width = 40, .recurrent_dropout = 0.5}, 1);
    const Matrix x = normal(8, 3, 1);
    const auto rows = test::offsets({4, 4});
    Tape t;
    const Recurrent::Run whole = network(t.constant(x), rows);
    REQUIRE(whole.last.mask.size() == 1);
    Index dropped = 0;
    for (const Real m : whole.last.mask[0].value().span()) {
        CHECK((m == 0 || m == 2));
        dropped += m == 0;
    }
    CHECK(dropped > 20);
    CHECK(dropped < 60);
    Recurrent::State state = network.start(t, 2);
    state.mask = whole.last.mask;
    for (Index step = 0; step < 4; ++step) {
        const auto run = network.step(take_rows(t.constant(x), std::vector<Index>{step, 4 + step}), state);
        state = run.last;
        for (Index i = 0; i < 2; ++i)
            CHECK(same_bits(run.out.value().middle_rows(i, 1), whole.out.value().middle_rows(4 * i + step, 1)));
    }
    t.set_training(false);
    CHECK(network(t.constant(x), rows, &state).last.mask.empty());
}

TEST_CASE("recurrent weights begin as their header says", "[nn]") {
    Parameters p;
    const Recurrent network(p, "net", {.in = 8, .width = 16, .bidirectional = true, .peepholes = true}, 1);
    const Matrix& bias = p.find("net.0.backwards.input.bias")->value;
    for (Index k = 0; k < 64; ++k) CHECK(bias(0, k) == (k >= 16 && k < 32 ? 1 : 0));
    const Matrix& u = network.weights(0, Direction::backwards).recurrent->value;
    for (Index gate = 0; gate < 4; ++gate)
        for (Index i = 0; i < 16; ++i)
            for (Index j = 0; j <= i; ++j) {
                double product = 0;
                for (Index k = 0; k < 16; ++k) product += u(16 * gate + i, k) * u(16 * gate + j, k);
                CHECK(product == Approx(i == j ? 1 : 0).margin(1e-12));
            }
    CHECK(network.out_width() == 32);
    CHECK(p.find("net.0.forwards.peepholes")->value(2, 3) == 0);
    CHECK_FALSE(same_bits(u, p.find("net.0.forwards.recurrent.weight")->value));
}

TEST_CASE("recurrent networks that cannot be are refused", "[nn]") {
    Parameters p;
    const auto refuses = [&](const RecurrentOptions& options) {
        CHECK_THROWS_AS(Recurrent(p, "net", options, 1), Error);
        CHECK(p.size() == 0);
    };
    refuses({.in = 0, .width = 2});
    refuses({.in = 2, .width = -1});
    refuses({.in = 2, .width = 2, .layers = 0});
    refuses({.in = 2, .width = 2, .dropout = 1});
    refuses({.in = 2, .width = 2, .recurrent_dropout = -0.1});
    refuses({.in = 2, .width = 2, .projection = -1});
    refuses({.cell = Cell::gru, .in = 2, .width = 2, .peepholes = true});
    refuses({.cell = Cell::rnn, .in = 2, .width = 2, .layer_norm = true});
    refuses({.cell = Cell::gru, .in = 2, .width = 2, .projection = 1});
    refuses({.cell = Cell::min_gru, .in = 2, .width = 2, .recurrent_dropout = 0.1});
}

TEST_CASE("inputs and states that do not fit a recurrent network are refused", "[nn]") {
    Parameters p;
    const Recurrent network(p, "net", {.in = 2, .width = 3}, 1);
    const Recurrent both(p, "both", {.in = 2, .width = 3, .bidirectional = true}, 1);
    Tape t, other;
    const Var x = t.constant(normal(2, 2, 1));
    const auto rows = test::offsets({2});
    CHECK_THROWS_AS(network(t.constant(normal(2, 3, 1)), rows), Error);
    CHECK_THROWS_AS(network(x, test::offsets({3})), Error);
    CHECK_THROWS_AS(network(x, std::vector<Index>{}), Error);
    CHECK_THROWS_AS(network.start(t, -1), Error);
    CHECK_THROWS_AS(both.step(x, both.start(t, 2)), Error);
    const auto refuses = [&](auto change, Tape& tape) {
        Recurrent::State state = network.start(tape, 1);
        change(state);
        CHECK_THROWS_AS(network(x, rows, &state), Error);
    };
    refuses([](Recurrent::State&) {}, other);
    refuses([](Recurrent::State& s) { s.h.clear(); }, t);
    refuses([](Recurrent::State& s) { s.c.clear(); }, t);
    refuses([](Recurrent::State& s) { s.h.push_back(s.h[0]); }, t);
    refuses([&](Recurrent::State& s) { s.c = {t.constant(Matrix(2, 3))}; }, t);
    refuses([&](Recurrent::State& s) { s.mask = {t.constant(Matrix(1, 2))}; }, t);
    refuses([](Recurrent::State& s) { s.packed = {nullptr, nullptr}; }, t);
    CHECK_NOTHROW(network(x, rows));
    CHECK_THROWS_AS(network.weights(1), Error);
    CHECK_THROWS_AS(network.weights(0, Direction::backwards), Error);
}
