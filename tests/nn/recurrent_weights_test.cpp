#include "kvmem/nn/recurrent_weights.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/recurrent_fixtures.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>

using namespace kvmem;
using test::normal;
using test::same_bits;

static constexpr Direction directions[] = {Direction::forwards, Direction::backwards};

static Matrix wave(double stream, Index rows, Index cols) {
    Matrix m(rows, cols);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<Real>(0.5 * std::sin(stream + 0.7 * double(i)));
    return m;
}

// Rows [first, first + count).
static Matrix rows_of(const Matrix& m, Index first, Index count) {
    Matrix part(count, m.cols());
    std::copy_n(m.row(first), part.size(), part.data());
    return part;
}

static Cell cell_of(const std::string& name) {
    const auto names = choices(Cell{});
    for (std::size_t i = 0; i < names.size(); ++i)
        if (name == names[i]) return static_cast<Cell>(i);
    return Cell::lstm;
}

static double worst(ConstView numbers, std::span<const double> expected) {
    REQUIRE(numbers.size() == std::ssize(expected));
    double worst = 0;
    for (Index i = 0; i < numbers.size(); ++i)
        worst = std::max(worst, std::abs(double{numbers.data[i]} - expected[static_cast<std::size_t>(i)]));
    return worst;
}

static double product(ConstView a, ConstView b) {
    double sum = 0;
    for (Index i = 0; i < a.size(); ++i) sum += double{a.data[i]} * double{b.data[i]};
    return sum;
}

namespace {
// A network with the weights of a case of PyTorch, and its gradients.
struct TorchNetwork {
    std::string name;
    Index state;
    Parameters parameters;
    Recurrent network;
    std::vector<Parameter*> h;
    Parameter* x;

    explicit TorchNetwork(const std::string& n)
        : name(n),
          state(n == "lstm proj" ? 1 : 2),
          network(parameters, "net",
                  {.cell = cell_of(n),
                   .in = 3,
                   .width = 2,
                   .layers = 2,
                   .bidirectional = true,
                   .projection = n == "lstm proj" ? Index{1} : Index{0}},
                  1) {
        const Index g = 2 * gate_count(network.options().cell);
        double stream = 0;
        for (const Index layer : {0, 1})
            for (const Direction direction : directions) {
                ForeignWeights w{wave(++stream, g, layer == 0 ? 3 : 2 * state), wave(++stream, g, state), Matrix(2, g)};
                for (const Index i : {0, 1}) std::copy_n(wave(++stream, 1, g).data(), g, w.bias.row(i));
                if (name == "lstm proj") w.projection = wave(++stream, 1, 2);
                load_weights(network, layer, direction, WeightFormat::pytorch, w);
            }
        x = &parameters.add("x", wave(100, 8, 3));
        for (Index i = 0; i < 4; ++i)
            h.push_back(&parameters.add("h" + std::to_string(i), rows_of(wave(200, 12, state), 3 * i, 3)));
    }

    // The loss of the case; writes what it is made from.
    Var run(Tape& t, Matrix& out, std::vector<double>& last) const {
        Recurrent::State initial;
        for (const Parameter* p : h) initial.h.push_back(t.parameter(*p));
        for (Index i = 0; i < 4 && network.options().cell == Cell::lstm; ++i)
            initial.c.push_back(t.constant(rows_of(wave(300, 12, 2), 3 * i, 3)));
        const Recurrent::Run run = network(t.parameter(*x), test::offsets({4, 1, 3}), &initial);
        out = Matrix(8, 2 * state);
        std::copy_n(run.out.value().data, out.size(), out.data());
        Var loss = sum(run.out * t.constant(wave(400, 8, 2 * state)));
        double stream = 500;
        for (const std::vector<Var>* states : {&run.last.h, &run.last.c}) {
            if (states->empty()) continue;
            const Var all = concat_rows(*states);
            last.insert(last.end(), all.value().data, all.value().data + all.value().size());
            loss = loss + sum(all * t.constant(wave(stream++, all.rows(), all.cols())));
        }
        return loss;
    }

    // Products of the gradients with a wave, in the order of PyTorch's parameters.
    std::vector<double> products(Tape& t) const {
        std::vector<double> all;
        const auto add = [&](Parameter* p) {
            if (!p) return;
            const ConstView grad = t.gradient(*p).dense();
            all.push_back(product(grad, wave(600, grad.rows, grad.cols)));
        };
        for (const Index layer : {0, 1})
            for (const Direction direction : directions) {
                const RecurrentMatrices<Parameter*>& w = network.weights(layer, direction);
                for (Parameter* p : {w.input, w.recurrent, w.bias, w.reset_bias, w.projection}) add(p);
            }
        return all;
    }
};
}  // namespace

TEST_CASE("networks with PyTorch's weights give PyTorch's outputs, last states and gradients", "[nn]") {
    for (const test::TorchCase& c : test::torch_cases()) {
        CAPTURE(c.name);
        const TorchNetwork torch(c.name);
        Tape t;
        Matrix out;
        std::vector<double> last;
        t.backward(torch.run(t, out, last));
        CHECK(worst(out, c.out) < 1e-10);
        CHECK(worst(t.gradient(*torch.x).dense(), c.grad_x) < 1e-10);
        REQUIRE(last.size() == c.last.size());
        for (std::size_t i = 0; i < last.size(); ++i) CHECK(last[i] == Approx(c.last[i]).margin(1e-10));
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(worst(t.gradient(*torch.h[i]).dense(),
                        std::span(c.grad_h).subspan(i * c.grad_h.size() / 4, c.grad_h.size() / 4)) < 1e-10);
        const std::vector<double> products = torch.products(t);
        REQUIRE(products.size() == c.products.size());
        for (std::size_t i = 0; i < products.size(); ++i)
            CHECK(products[i] == Approx(c.products[i]).epsilon(1e-9).margin(1e-10));
    }
}

TEST_CASE("networks with ONNX's weights give ONNX Runtime's outputs and last states", "[nn]") {
    for (const test::OnnxCase& c : test::onnx_cases()) {
        CAPTURE(c.name);
        const Cell cell = cell_of(c.name);
        const bool lstm = cell == Cell::lstm;
        Parameters p;
        const Recurrent network(p, "net", {.cell = cell, .in = 3, .width = 2, .bidirectional = true, .peepholes = lstm},
                                1);
        const Index g = 2 * gate_count(cell);
        Tape t;
        Recurrent::State initial;
        for (const Index d : {0, 1}) {
            ForeignWeights w{rows_of(wave(1, 2 * g, 3), d * g, g), rows_of(wave(2, 2 * g, 2), d * g, g),
                             rows_of(wave(3, 4, g), 2 * d, 2)};
            if (lstm) w.peepholes = rows_of(wave(4, 6, 2), 3 * d, 3);
            load_weights(network, 0, directions[d], WeightFormat::onnx, w);
            initial.h.push_back(t.constant(rows_of(wave(200, 6, 2), 3 * d, 3)));
            if (lstm) initial.c.push_back(t.constant(rows_of(wave(300, 6, 2), 3 * d, 3)));
        }
        // X is [time, batch, in]: row 3 t + i is row t of sequence i.
        const Var x = take_rows(t.constant(wave(100, 12, 3)), std::vector<Index>{0, 3, 6, 9, 1, 2, 5, 8});
        const Recurrent::Run run = network(x, test::offsets({4, 1, 3}), &initial);
        CHECK(worst(run.out.value(), c.out) < 1e-6);
        std::vector<Var> last = run.last.h;
        last.insert(last.end(), run.last.c.begin(), run.last.c.end());
        CHECK(worst(concat_rows(last).value(), c.last) < 1e-6);
    }
}

// keras/src/layers/rnn/gru_test.py
TEST_CASE("GRUs with Keras' constant weights give the numbers of its tests", "[nn]") {
    for (const Cell cell : {Cell::gru, Cell::gru_reset_before}) {
        Parameters p;
        const Recurrent network(p, "net", {.cell = cell, .in = 4, .width = 3}, 1);
        ForeignWeights w{Matrix(4, 9), Matrix(3, 9), Matrix(cell == Cell::gru ? 2 : 1, 9)};
        w.input.fill(Real{0.01});
        w.recurrent.fill(Real{0.02});
        w.bias.fill(Real{0.03});
        load_weights(network, 0, Direction::forwards, WeightFormat::keras, w);
        Matrix x(6, 4);
        for (Index i = 0; i < 24; ++i) x.data()[i] = static_cast<Real>(i);
        Tape t;
        const Recurrent::Run run = network(t.constant(x), test::offsets({6}));
        for (Index k = 0; k < 3; ++k)
            CHECK(run.last.h[0].value()(0, k) == Approx(cell == Cell::gru ? 0.5217289 : 0.51447755).epsilon(1e-6));
    }
}

TEST_CASE("weights that are saved for a library and loaded again give the same outputs", "[nn]") {
    for (const WeightFormat format : {WeightFormat::pytorch, WeightFormat::keras, WeightFormat::onnx})
        for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru, Cell::gru_reset_before}) {
            if (format == WeightFormat::pytorch && cell == Cell::gru_reset_before) continue;
            const RecurrentOptions options{
                .cell = cell, .in = 3, .width = 2, .peepholes = cell == Cell::lstm && format == WeightFormat::onnx};
            Parameters p, q;
            const Recurrent from(p, "net", options, 1), to(q, "net", options, 2);
            for (std::size_t i = 0; i < p.size(); ++i) p[i].value = normal(p[i].value.rows(), p[i].value.cols(), i);
            load_weights(to, 0, Direction::forwards, format, save_weights(from, 0, Direction::forwards, format));
            for (std::size_t i = 0; i < p.size(); ++i) CHECK(same_bits(p[i].value, q[i].value));
        }
}

TEST_CASE("weights that do not fit a layer are refused and leave it as it was", "[nn]") {
    Parameters p;
    const Recurrent network(p, "net", {.in = 3, .width = 2, .peepholes = true}, 1);
    const Matrix before = p.find("net.0.input.weight")->value;
    const auto refuses = [&](auto change, WeightFormat format = WeightFormat::onnx, Index layer = 0) {
        ForeignWeights w{Matrix(8, 3), Matrix(8, 2), Matrix(2, 8), Matrix(3, 2)};
        change(w);
        CHECK_THROWS_AS(load_weights(network, layer, Direction::forwards, format, w), Error);
        CHECK(same_bits(p.find("net.0.input.weight")->value, before));
    };
    refuses([](ForeignWeights& w) { w.input = Matrix(3, 8); });
    refuses([](ForeignWeights& w) { w.recurrent = Matrix(8, 3); });
    refuses([](ForeignWeights& w) { w.bias = Matrix(1, 8); });
    refuses([](ForeignWeights& w) { w.peepholes = Matrix(); });
    refuses([](ForeignWeights& w) { w.projection = Matrix(1, 2); });
    refuses([](ForeignWeights&) {}, WeightFormat::pytorch);
    refuses([](ForeignWeights&) {}, WeightFormat::onnx, 1);
    CHECK_THROWS_AS(save_weights(network, 0, Direction::backwards, WeightFormat::onnx), Error);
    Parameters q;
    const Recurrent minimal(q, "net", {.cell = Cell::min_gru, .in = 3, .width = 2}, 1);
    CHECK_THROWS_AS(save_weights(minimal, 0, Direction::forwards, WeightFormat::keras), Error);
}
