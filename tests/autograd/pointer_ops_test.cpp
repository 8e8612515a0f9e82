// Mixtures of generated and copied tokens against their formula and numeric gradients.
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/pointer.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;
using test::check_gradients;
using test::normal;

namespace {
struct PointerCase {
    Parameters parameters;
    Parameter& scores = parameters.add("scores", normal(3, 5, 1, 1));
    Parameter& gates = parameters.add("gates", normal(3, 1, 1, 2));
    Parameter& weights = parameters.add("weights", Matrix(4, 1));
    Ragged<Token> tokens{{2, 2, -1, 4}, {0, 3, 3, 4}};  // the second row has no slots
    std::vector<Token> targets{2, 1, 0};                // row 2 cannot copy its target

    PointerCase() {
        const Real shares[] = {0.5, 0.25, 0.25, 1};
        std::copy_n(shares, 4, weights.value.data());
    }
    Var loss(Tape& t) const {
        return pointer_loss(t.parameter(scores), t.parameter(gates), t.parameter(weights), tokens, targets);
    }
    PointerInput input() const {
        return {scores.value, gates.value.view().span(), weights.value.view().span(), tokens.values, tokens.offsets};
    }
};
}  // namespace

TEST_CASE("a mixture of generated and copied tokens has the right loss and gradients", "[ops]") {
    PointerCase c;
    check_gradients(c.parameters, [&](Tape& t) { return c.loss(t); });
    Matrix logs(3, 5);
    pointer_log_probabilities(c.input(), logs);
    double expected = 0;
    for (Index i = 0; i < 3; ++i) {
        double total = 0;
        for (Index y = 0; y < 5; ++y) total += std::exp(double{c.scores.value(i, y)});
        const double gate = 1 / (1 + std::exp(-double{c.gates.value(i, 0)}));
        for (Index y = 0; y < 5; ++y) {
            double p = gate * std::exp(double{c.scores.value(i, y)}) / total;
            for (Index j = c.tokens.offsets[i]; j < c.tokens.offsets[i + 1]; ++j)
                if (c.tokens.values[j] == y) p += (1 - gate) * double{c.weights.value(j, 0)};
            CHECK(logs(i, y) == Approx(std::log(p)));
            if (y == c.targets[i]) expected -= std::log(p);
        }
    }
    Tape t;
    CHECK(c.loss(t).value()(0, 0) == Approx(expected));
}

TEST_CASE("a mixture whose target is impossible has a finite loss and finite gradients", "[ops]") {
    PointerCase c;
    c.scores.value(0, 0) = -10000;
    c.gates.value(0, 0) = 10000;
    c.targets = {0, 1, 0};
    Tape t;
    const Var loss = c.loss(t);
    CHECK(std::isfinite(loss.value()(0, 0)));
    t.backward(loss);
    for (const Parameter& p : c.parameters)
        for (const Index row : t.find_gradient(p)->touched())
            for (Index j = 0; j < p.value.cols(); ++j) CHECK(std::isfinite(t.find_gradient(p)->find(row)[j]));
}

TEST_CASE("a mixture needs tokens of the vocabulary and a gate for each row", "[ops]") {
    PointerCase c;
    Tape t;
    c.targets = {2, 1, 5};
    CHECK_THROWS_AS(c.loss(t), Error);
    c.targets = {2, 1};
    CHECK_THROWS_AS(c.loss(t), Error);
    c.targets = {2, 1, 0};
    c.tokens.values[0] = 5;
    CHECK_THROWS_AS(c.loss(t), Error);
}
