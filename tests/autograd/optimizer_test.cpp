#include "kvmem/autograd/optimizer.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

using namespace kvmem;
using test::normal;

namespace {

constexpr Index rows = 6, cols = 3;

// Gradients of one step: on each of some tapes a few rows of the table have one.
using Step = std::vector<std::vector<std::pair<Index, Matrix>>>;

Step random_step(std::uint64_t seed, int tapes) {
    Rng rng(seed);
    Step step(static_cast<std::size_t>(tapes));
    for (auto& tape : step)
        for (Index n = rng.below(4); n > 0; --n) tape.emplace_back(rng.below(rows - 1), normal(1, cols, rng.bits()));
    return step;
}

std::vector<Tape> tapes_of(const Step& step, const Parameter& table) {
    std::vector<Tape> tapes;
    for (const auto& parts : step) {
        Tape& tape = tapes.emplace_back();
        for (const auto& [row, gradient] : parts)
            for (Index j = 0; j < cols; ++j) tape.gradient(table).touch(row)[j] += gradient(0, j);
    }
    return tapes;
}

// The optimisers as their papers have them, on the whole matrix, with rows nobody touched left alone.
struct Reference {
    OptimizerOptions options;
    Matrix x, m = Matrix(rows, cols), v = Matrix(rows, cols);
    int t = 0;

    double step(const Step& tapes, double rate) {
        Matrix g(rows, cols);
        std::vector<bool> touched(rows);
        double square = 0;
        for (const auto& tape : tapes)
            for (const auto& [row, part] : tape) {
                touched[static_cast<std::size_t>(row)] = true;
                for (Index j = 0; j < cols; ++j) g(row, j) += part(0, j);
            }
        for (const Real y : g.view().span()) square += y * y;
        const double length = std::sqrt(square);
        const double f = options.clip_norm > 0 && length > options.clip_norm ? options.clip_norm / length : 1;
        ++t;
        for (Index i = 0; i < rows; ++i) {
            if (!touched[static_cast<std::size_t>(i)]) continue;
            for (Index j = 0; j < cols; ++j) {
                const double gj = f * g(i, j);
                x(i, j) *= 1 - rate * options.weight_decay;
                if (options.method == Method::sgd) x(i, j) -= rate * gj;
                if (options.method == Method::adagrad) {
                    v(i, j) += gj * gj;
                    x(i, j) -= rate * gj / (std::sqrt(v(i, j)) + options.epsilon);
                }
                if (options.method == Method::adam) {
                    m(i, j) = options.beta1 * m(i, j) + (1 - options.beta1) * gj;
                    v(i, j) = options.beta2 * v(i, j) + (1 - options.beta2) * gj * gj;
                    const double m_hat = m(i, j) / (1 - std::pow(options.beta1, t));
                    const double v_hat = v(i, j) / (1 - std::pow(options.beta2, t));
                    x(i, j) -= rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
                }
            }
        }
        return length;
    }
};

}  // namespace

TEST_CASE("optimisers follow their papers on the rows that were touched", "[optimizer]") {
    for (const Method method : {Method::sgd, Method::adagrad, Method::adam})
        for (const auto& [clip, weight_decay] : {std::pair{0.0, 0.0}, {1.5, 0.0}, {0.0, 0.3}, {1.5, 0.3}}) {
            OptimizerOptions options;
            options.method = method;
            options.clip_norm = clip;
            options.weight_decay = weight_decay;
            Parameters p;
            Parameter& table = p.add("table", normal(rows, cols, 1));
            const Matrix start = table.value;
            Optimizer optimizer(p, options);
            Reference reference{options, table.value};
            for (std::uint64_t i = 0; i < 12; ++i) {
                const Step step = random_step(i, 3);
                const double rate = 0.1 / static_cast<double>(i + 1);
                const double length = optimizer.step(tapes_of(step, table), rate);
                CHECK(length == Approx(reference.step(step, rate)));
                CHECK(test::distance(table.value, reference.x) < 1e-12);
            }
            CHECK(optimizer.steps() == 12);
            for (Index j = 0; j < cols; ++j) CHECK(table.value(rows - 1, j) == start(rows - 1, j));  // never touched
            CHECK(test::distance(table.value, start) > 0.01);
        }
}

TEST_CASE("weights decay without a gradient, biases and frozen rows do not", "[optimizer]") {
    Parameters p;
    Parameter &weight = p.add("weight", normal(2, cols, 1)), &bias = p.add("bias", normal(1, cols, 2));
    weight.frozen = {false, true};
    const Matrix weight_before = weight.value, bias_before = bias.value;
    for (const Method method : {Method::sgd, Method::adagrad, Method::adam}) {
        weight.value = weight_before;
        Optimizer optimizer(p, {.method = method, .weight_decay = 0.5});
        Tape tape;
        tape.gradient(weight).dense();  // zeros
        tape.gradient(bias).dense();
        optimizer.step(tape, 0.1);
        for (Index j = 0; j < cols; ++j) {
            CHECK(weight.value(0, j) == Approx(0.95 * weight_before(0, j)));
            CHECK(weight.value(1, j) == weight_before(1, j));
        }
        CHECK(test::same_bits(bias.value, bias_before));
    }
}

TEST_CASE("a step without any gradient moves nothing", "[optimizer]") {
    Parameters p;
    Parameter& table = p.add("table", normal(rows, cols, 1));
    const Matrix start = table.value;
    Optimizer optimizer(p, {});
    CHECK(optimizer.step(std::span<const Tape>(), 0.1) == 0);
    CHECK(optimizer.step(tapes_of(Step(2), table), 0.1) == 0);
    CHECK(test::same_bits(table.value, start));
}

TEST_CASE("a gradient that is not finite changes nothing, and its parameter is named", "[optimizer]") {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        Parameters p;
        Parameter& fine = p.add("fine", normal(rows, cols, 1));
        Parameter& table = p.add("table", normal(rows, cols, 2));
        OptimizerOptions options;
        options.clip_norm = 1;
        Optimizer optimizer(p, options);
        Step step = random_step(1, 2);
        step[0].emplace_back(0, normal(1, cols, 3));
        optimizer.step(tapes_of(step, table), 0.1);
        CHECK(optimizer.not_finite() == nullptr);
        const Matrix before = table.value, fine_before = fine.value;
        std::vector<Matrix> state;
        for (const auto& s : optimizer.state()) state.push_back(*s.matrix);

        auto tapes = tapes_of(step, table);
        tapes[1].gradient(table).touch(2)[1] = bad;
        tapes[0].gradient(fine).touch(0)[0] = 1;
        CHECK_FALSE(std::isfinite(optimizer.step(tapes, 0.1)));
        CHECK(optimizer.not_finite() == &table);
        CHECK(optimizer.steps() == 1);
        CHECK(test::same_bits(table.value, before));
        CHECK(test::same_bits(fine.value, fine_before));
        for (std::size_t i = 0; i < state.size(); ++i) CHECK(test::same_bits(*optimizer.state()[i].matrix, state[i]));
        optimizer.step(tapes_of(step, table), 0.1);
        CHECK(optimizer.not_finite() == nullptr);
        CHECK(optimizer.steps() == 2);
    }
}

TEST_CASE("training that is saved and loaded goes on as if it had never stopped", "[optimizer]") {
    for (const Method method : {Method::sgd, Method::adagrad, Method::adam}) {
        OptimizerOptions options;
        options.method = method;
        Parameters p, q;
        Parameter& table = p.add("A", normal(rows, cols, 1));
        Optimizer whole(p, options);
        for (std::uint64_t i = 0; i < 5; ++i) whole.step(tapes_of(random_step(i, 2), table), 0.1);

        Parameter& loaded = q.add("A", table.value);
        Optimizer resumed(q, options);
        const auto from = whole.state(), to = resumed.state();
        REQUIRE(from.size() == to.size());
        CHECK(from.size() == (method == Method::adam ? 2 : method == Method::adagrad ? 1 : 0));
        for (std::size_t i = 0; i < from.size(); ++i) {
            CHECK(from[i].name == to[i].name);
            *to[i].matrix = *from[i].matrix;
        }
        resumed.set_steps(whole.steps());
        for (std::uint64_t i = 5; i < 10; ++i) {
            whole.step(tapes_of(random_step(i, 2), table), 0.1);
            resumed.step(tapes_of(random_step(i, 2), loaded), 0.1);
        }
        CHECK(test::same_bits(table.value, loaded.value));
        if (method == Method::adam) CHECK(from[0].name == "adam.m/A");
    }
}

// Neighbours are added, then neighbouring sums, until one is left; a last one without a neighbour goes up as it is.
static std::vector<Real> tree_sum(std::vector<std::optional<std::vector<Real>>> sums) {
    while (sums.size() > 1) {
        std::vector<std::optional<std::vector<Real>>> up;
        for (std::size_t i = 0; i < sums.size(); i += 2) {
            up.push_back(sums[i] || i + 1 == sums.size() ? sums[i] : sums[i + 1]);
            if (i + 1 < sums.size() && sums[i] && sums[i + 1])
                for (std::size_t j = 0; j < up.back()->size(); ++j) (*up.back())[j] += (*sums[i + 1])[j];
        }
        sums = std::move(up);
    }
    return sums[0].value_or(std::vector<Real>(cols, 0));
}

TEST_CASE("gradients are summed as a fixed binary tree over the tapes", "[optimizer]") {
    for (std::size_t count = 1; count <= 17; ++count) {
        Parameters p;
        Parameter& table = p.add("table", Matrix(rows, cols));
        std::vector<Tape> tapes(count);
        std::vector<std::vector<std::optional<std::vector<Real>>>> parts(rows);
        Rng rng(count);
        for (auto& row : parts) row.resize(count);
        for (std::size_t i = 0; i < count; ++i)
            for (Index row = 0; row < rows; ++row) {
                if (rng.below(3) == 0) continue;
                const Matrix g = normal(1, cols, rng.bits());
                parts[static_cast<std::size_t>(row)][i] = std::vector<Real>(g.data(), g.data() + cols);
                std::copy_n(g.data(), cols, tapes[i].gradient(table).touch(row));
            }
        Optimizer(p, {.method = Method::sgd}).step(tapes, 1);
        CAPTURE(count);
        for (Index row = 0; row < rows; ++row) {
            const auto expected = tree_sum(parts[static_cast<std::size_t>(row)]);
            for (Index j = 0; j < cols; ++j) CHECK(table.value(row, j) == -expected[static_cast<std::size_t>(j)]);
        }
    }
}

TEST_CASE("machines with equal shares of the tapes have the bits of one, if a share is a power of two", "[optimizer]") {
    for (const auto& [machines, share] : {std::pair<int, int>{2, 4}, {4, 2}, {3, 4}, {6, 2}, {2, 1}}) {
        const Step all = random_step(5, machines * share);
        const auto value_after = [&](std::span<const Tape> tapes, Parameters& p) {
            Optimizer(p, {.method = Method::sgd}).step(tapes, 1);
            return p[0].value;
        };
        Parameters p;
        const Parameter& table = p.add("table", Matrix(rows, cols));
        const auto tapes = tapes_of(all, table);
        std::vector<Tape> sums(static_cast<std::size_t>(machines));
        for (int m = 0; m < machines; ++m) {
            const auto mine =
                std::span(tapes).subspan(static_cast<std::size_t>(m * share), static_cast<std::size_t>(share));
            Parameters local;
            local.add("table", Matrix(rows, cols));
            std::vector<Tape> shares(mine.size());
            for (std::size_t i = 0; i < mine.size(); ++i)
                if (const SparseRows* rows_of = mine[i].find_gradient(table))
                    for (const Index row : rows_of->touched())
                        std::copy_n(rows_of->find(row), cols, shares[i].gradient(local[0]).touch(row));
            const Matrix moved = value_after(shares, local);  // less the sum
            for (Index row = 0; row < rows; ++row)
                for (Index j = 0; j < cols; ++j)
                    if (moved(row, j) != 0)
                        sums[static_cast<std::size_t>(m)].gradient(table).touch(row)[j] = -moved(row, j);
        }
        const Matrix whole = value_after(tapes, p);
        p[0].value.fill(0);
        CHECK(test::same_bits(value_after(sums, p), whole));
        CHECK(test::distance(whole, Matrix(rows, cols)) > 0);
    }
}

TEST_CASE("a parameter that is not trainable stays as it is", "[optimizer]") {
    Parameters p;
    Parameter &fixed = p.add("fixed", normal(rows, cols, 1)), &free = p.add("free", normal(rows, cols, 2));
    const Matrix before = fixed.value, free_before = free.value;
    Optimizer optimizer(p, {});
    Tape tape;
    for (const Parameter* q : {&fixed, &free}) tape.gradient(*q).touch(1)[0] = 3;
    p.group("fixed").set_trainable(false);  // after its gradient was made
    CHECK(optimizer.step(tape, 0.1) == 3);
    CHECK(test::same_bits(fixed.value, before));
    CHECK(test::distance(free.value, free_before) > 0.05);
    CHECK(test::distance(*optimizer.state()[0].matrix, Matrix(rows, cols)) == 0);
    p.group("fixed").set_trainable(true);
    optimizer.step(tape, 0.1);
    CHECK_FALSE(test::same_bits(fixed.value, before));
}

TEST_CASE("a step has the same bits on any number of threads", "[optimizer]") {
    const Matrix start = normal(5000, 32, 1);
    const auto train = [&](int threads) {
        const ThreadLimit limit(threads);
        Parameters p;
        Parameter& table = p.add("table", start);
        OptimizerOptions options;
        options.clip_norm = 0.5;
        Optimizer optimizer(p, options);
        std::vector<Tape> tapes(7);
        for (std::uint64_t step = 0; step < 3; ++step) {
            parallel_for(7, 1, [&](Index first, Index last) {
                for (Index i = first; i < last; ++i) {
                    Tape& t = tapes[static_cast<std::size_t>(i)];
                    t.reset();
                    Rng rng(step, {static_cast<std::uint64_t>(i)});
                    Ragged<Token> bags;
                    for (int b = 0; b < 500; ++b) {
                        for (int n = 0; n < 4; ++n) bags.values.push_back(static_cast<Token>(rng.below(5000)));
                        bags.end_row();
                    }
                    t.backward(sum(activate(embed_sum(t, table, bags, BagScale::mean), Activation::tanh)));
                }
            });
            optimizer.step(tapes, 0.01);
        }
        return table.value;
    };
    const Matrix one = train(1);
    CHECK(test::same_bits(train(2), one));
    CHECK(test::same_bits(train(8), one));
    CHECK(test::distance(one, start) > 0);
}

TEST_CASE("a schedule warms up and decays", "[optimizer]") {
    const Schedule constant{2, 0, Decay::constant}, linear{2, 0.2, Decay::linear}, cosine{2, 0.2, Decay::cosine};
    for (const double p : {0.0, 0.3, 1.0, 5.0}) CHECK(constant.at(p) == 2);
    for (const Schedule& s : {linear, cosine}) {
        CHECK(s.at(0) == 0);
        CHECK(s.at(-1) == 0);
        CHECK(s.at(0.1) == Approx(1));
        CHECK(s.at(0.2) == Approx(2));
        CHECK(s.at(0.6) == Approx(1));
        CHECK(s.at(1) == Approx(0).margin(1e-12));
        CHECK(s.at(7) == Approx(0).margin(1e-12));
    }
    CHECK(linear.at(0.4) == Approx(1.5));
    CHECK(cosine.at(0.4) == Approx(1 + std::cos(std::acos(-1.0) / 4)));
    CHECK(Schedule{2, 1, Decay::linear}.at(0.5) == Approx(1));
    CHECK(Schedule{2, 1, Decay::linear}.at(1) == Approx(2));
}

TEST_CASE("an inverse square root falls from the end of the warm-up on", "[optimizer]") {
    const Schedule s{.rate = 2, .warmup = 0.04, .decay = Decay::inverse_sqrt};
    CHECK(s.at(0.02) == Approx(1));
    CHECK(s.at(0.04) == Approx(2));
    CHECK(s.at(0.16) == Approx(1));
    CHECK(s.at(1) == Approx(0.4));
}

TEST_CASE("a rate is halved after every few epochs", "[optimizer]") {
    const Schedule s{.rate = 0.01, .warmup = 0, .decay = Decay::halve, .halve_every = 25};
    for (const double epochs : {0.0, 10.0, 24.999}) CHECK(s.at(0.1, epochs) == 0.01);
    CHECK(s.at(0.25, 25) == 0.005);
    CHECK(s.at(0.6, 60) == 0.0025);
    CHECK(s.at(0.99, 99) == 0.00125);
}
