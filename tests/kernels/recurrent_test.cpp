#include "kvmem/kernels/recurrent.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

using namespace kvmem;
using test::distance;
using test::normal;
using test::same_bits;

static constexpr Cell cells[] = {Cell::rnn,     Cell::lstm,    Cell::gru, Cell::gru_reset_before,
                                 Cell::min_gru, Cell::min_lstm};

namespace {
// A layer with weights of all kinds that its cell may have, and sequences.
struct Layer {
    Cell cell;
    Index width, state;
    Direction direction = Direction::forwards;
    std::vector<Index> offsets;
    Matrix input, bias, recurrent, reset_bias, peepholes, projection, gate_gain, cell_gain, cell_bias, h, c, mask, x;

    struct Options {
        bool peepholes = false, layer_norm = false, states = true, mask = false;
        Index projection = 0, in = 0;
        double scale = 1;
    };

    Layer(Cell kind, Index d, std::vector<Index> lengths, const Options& o)
        : cell(kind), width(d), state(o.projection > 0 ? o.projection : d), offsets(test::offsets(lengths)) {
        const Index gates = gate_count(cell), n = std::ssize(lengths);
        const double deviation = 1 / std::sqrt(static_cast<double>(state));
        if (!is_minimal(cell)) recurrent = normal(gates * d, state, 1, deviation);
        if (cell == Cell::gru) reset_bias = normal(1, d, 2);
        if (o.peepholes) peepholes = normal(3, d, 3);
        if (o.projection > 0) projection = normal(state, d, 4, 1 / std::sqrt(static_cast<double>(d)));
        if (o.layer_norm) {
            gate_gain = normal(1, gates * d, 5);
            cell_gain = normal(1, d, 6);
            cell_bias = normal(1, d, 7);
        }
        if (o.states) h = normal(n, state, 8);
        if (o.states && cell == Cell::lstm) c = normal(n, d, 9);
        if (o.mask && !is_minimal(cell)) {
            mask = normal(n, state, 10);
            for (Real& m : mask.view().span()) m = m > 0 ? 2 : 0;
        }
        x = normal(offsets.back(), o.in > 0 ? o.in : gates * d, 11, o.scale);
        if (o.in > 0) input = normal(gates * d, o.in, 12, 1 / std::sqrt(static_cast<double>(o.in)));
        if (o.in > 0) bias = normal(1, gates * d, 13);
    }

    RecurrentCall call() const {
        const auto view = [](const Matrix& m) { return m.size() > 0 ? m.view() : ConstView{}; };
        return {cell,
                direction,
                offsets,
                x,
                {view(input), view(bias), view(recurrent), view(reset_bias), view(peepholes), view(projection),
                 view(gate_gain), view(cell_gain), view(cell_bias)},
                view(h),
                view(c),
                view(mask)};
    }
};

struct Result {
    Matrix out, h, c;
};
}  // namespace

static Result run(const Layer& l, bool training = true) {
    Arena arena;
    const RecurrentCall call = l.call();
    const RecurrentSaved saved = recurrent_room(call, training, arena);
    const Index n = std::ssize(l.offsets) - 1;
    Result r{Matrix(l.x.rows(), l.state), Matrix(n, l.state), Matrix(l.cell == Cell::lstm ? n : 0, l.width)};
    recurrent(call, saved, r.out, r.h, r.c, arena);
    return r;
}

static Result run_naively(const Layer& l) {
    const Index n = std::ssize(l.offsets) - 1;
    Result r{Matrix(l.x.rows(), l.state), Matrix(n, l.state), Matrix(l.cell == Cell::lstm ? n : 0, l.width)};
    naive::recurrent(l.call(), r.out, r.h, r.c);
    return r;
}

static void check_near(const Layer& l, double tolerance) {
    const Result expected = run_naively(l);
    for (const bool training : {false, true}) {
        const Result r = run(l, training);
        CHECK(distance(r.out, expected.out) < tolerance);
        CHECK(distance(r.h, expected.h) < tolerance);
        CHECK(distance(r.c, expected.c) < tolerance);
    }
}

TEST_CASE("every recurrent cell equals its naive twin in both directions", "[recurrent]") {
    for (const Cell cell : cells)
        for (const Index width : {1, 3, 16, 33, 257})
            for (const Direction direction : {Direction::forwards, Direction::backwards})
                for (const bool states : {false, true}) {
                    Layer l(cell, width, {3, 0, 1, 7, 2, 7, 0},
                            {.states = states, .mask = states, .in = states ? 5 : 0});
                    l.direction = direction;
                    CAPTURE(static_cast<int>(cell), width, states);
                    check_near(l, 1e-5);
                }
}

TEST_CASE("the options of the LSTM equal their naive twins", "[recurrent]") {
    for (const bool peepholes : {false, true})
        for (const bool layer_norm : {false, true})
            for (const Index projection : {0, 5, 40}) {
                const Layer l(
                    Cell::lstm, 20, {3, 1, 0, 9},
                    {.peepholes = peepholes, .layer_norm = layer_norm, .mask = true, .projection = projection});
                CAPTURE(peepholes, layer_norm, projection);
                check_near(l, 1e-5);
            }
}

TEST_CASE("gates of very large and of subnormal inputs stay finite", "[recurrent]") {
    for (const Cell cell : cells)
        for (const double scale : {1e3, 1e-40}) {
            const Layer l(cell, 20, {50, 3}, {.scale = scale});
            CAPTURE(static_cast<int>(cell), scale);
            const double size = is_minimal(cell) ? scale : 1;
            check_near(l, 1e-5 * std::max(1.0, size));
        }
}

TEST_CASE("no sequences and no rows give the initial states", "[recurrent]") {
    for (const Cell cell : cells) {
        CHECK(run(Layer(cell, 4, {}, {})).out.size() == 0);
        const Layer empty(cell, 4, {0, 0}, {});
        CHECK(same_bits(run(empty).h, empty.h));
    }
}

// Sequence `i` of a layer alone.
static Layer alone(const Layer& l, Index i) {
    Layer one = l;
    const Index first = l.offsets[i], rows = l.offsets[i + 1] - first;
    one.offsets = {0, rows};
    const auto take = [](const Matrix& m, Index from, Index count) {
        Matrix part(m.size() > 0 ? count : 0, m.cols());
        if (m.size() > 0) std::copy_n(m.row(from), part.size(), part.data());
        return part;
    };
    one.x = take(l.x, first, rows);
    for (Matrix Layer::*state : {&Layer::h, &Layer::c, &Layer::mask}) one.*state = take(l.*state, i, 1);
    return one;
}

TEST_CASE("a sequence has the same bits alone and among others, on any number of threads", "[recurrent][exact]") {
    std::vector<Index> lengths(70);
    for (std::size_t i = 0; i < lengths.size(); ++i) lengths[i] = static_cast<Index>(i * 7 % 23);
    for (const Cell cell : cells) {
        const Layer l(cell, 72, lengths, {.peepholes = cell == Cell::lstm, .mask = true, .in = 40});
        const Result all = run(l);
        {
            const ThreadLimit one_thread(1);
            const Result again = run(l, false);
            CHECK(same_bits(again.out, all.out));
            CHECK(same_bits(again.h, all.h));
            CHECK(same_bits(again.c, all.c));
        }
        for (Index i = 0; i < 70; i += 3) {
            const Result one = run(alone(l, i));
            CHECK(same_bits(one.out, all.out.view().middle_rows(l.offsets[i], lengths[i])));
            CHECK(same_bits(one.h, all.h.view().middle_rows(i, 1)));
        }
    }
}

TEST_CASE("recurrent calls whose shapes do not fit are refused", "[recurrent]") {
    const auto refuses = [](auto change) {
        Layer l(Cell::lstm, 4, {2, 1}, {.peepholes = true, .layer_norm = true, .projection = 3});
        CHECK_NOTHROW(run(l));
        change(l);
        CHECK_THROWS_AS(recurrent_shape(l.call()), Error);
    };
    refuses([](Layer& l) { l.offsets = {0, 2}; });
    refuses([](Layer& l) { l.offsets = {0, 4, 3}; });
    refuses([](Layer& l) { l.offsets = {}; });
    refuses([](Layer& l) { l.x = Matrix(3, 15); });
    refuses([](Layer& l) { l.cell = Cell::gru; });
    refuses([](Layer& l) { l.cell = Cell::min_gru; });
    for (Matrix Layer::*m :
         {&Layer::input, &Layer::bias, &Layer::recurrent, &Layer::peepholes, &Layer::projection, &Layer::gate_gain,
          &Layer::cell_gain, &Layer::cell_bias, &Layer::h, &Layer::c, &Layer::mask})
        refuses([&](Layer& l) { l.*m = Matrix(5, 7); });
    refuses([](Layer& l) { l.cell_gain = Matrix(); });
    refuses([](Layer& l) { l.reset_bias = Matrix(1, 4); });
}
