#include "kvmem/nn/hopfield.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;
using test::distance;
using test::normal;
using test::same_bits;

static Matrix damaged(ConstView patterns, std::uint64_t seed) {
    Matrix states = normal(patterns.rows, patterns.cols, seed, 0.3);
    for (Index i = 0; i < patterns.size(); ++i) states.data()[i] += patterns.data[i];
    return states;
}

TEST_CASE("stored patterns are recalled from damaged ones", "[hopfield]") {
    const Matrix patterns = normal(20, 64, 1);
    Hopfield memory;
    memory.store(patterns);
    CHECK(memory.size() == 20);
    const auto recalled = memory.recall(damaged(patterns, 2));
    CHECK(distance(recalled.state, patterns) < 1e-3);
    CHECK(recalled.value.size() == 0);
    for (const Index steps : recalled.steps) CHECK((steps >= 1 && steps <= 3));
}

TEST_CASE("one step of recall is the published update", "[hopfield]") {
    const Matrix patterns = normal(5, 3, 1), states = normal(2, 3, 2);
    Hopfield memory({.beta = Real{0.7}, .max_steps = 1});
    memory.store(patterns.view().middle_rows(0, 2));
    memory.store(patterns.view().middle_rows(2, 3));
    const auto recalled = memory.recall(states);
    for (Index i = 0; i < 2; ++i) {
        double expected[3] = {}, sum = 0;
        for (Index s = 0; s < 5; ++s) {
            double score = 0;
            for (Index d = 0; d < 3; ++d) score += 0.7 * double{patterns(s, d)} * double{states(i, d)};
            sum += std::exp(score);
            for (Index d = 0; d < 3; ++d) expected[d] += std::exp(score) * double{patterns(s, d)};
        }
        for (Index d = 0; d < 3; ++d) CHECK(recalled.state(i, d) == Approx(expected[d] / sum).epsilon(1e-5));
        CHECK(recalled.steps[static_cast<std::size_t>(i)] == 0);  // it would go on
    }
}

TEST_CASE("values are read with the pattern that was recalled", "[hopfield]") {
    const Matrix patterns = normal(8, 32, 1), values = normal(8, 2, 3);
    Hopfield memory;
    memory.store(patterns, values);
    const auto recalled = memory.recall(damaged(patterns, 2));
    CHECK(distance(recalled.state, patterns) < 1e-2);
    CHECK(distance(recalled.value, values) < 1e-2);
}

TEST_CASE("with a small beta a state rests between the patterns", "[hopfield]") {
    Matrix patterns(2, 2);
    patterns(0, 0) = 1;
    patterns(1, 1) = 1;
    Hopfield memory({.beta = Real{0.1}});
    memory.store(patterns);
    const auto recalled = memory.recall(patterns);
    for (const Real x : recalled.state.view().span()) CHECK(x == Approx(0.5).margin(1e-3));
}

TEST_CASE("a state goes its way whatever others are asked with it", "[hopfield]") {
    const Matrix patterns = normal(6, 8, 1), states = normal(3, 8, 2);
    Hopfield memory({.beta = Real{0.5}});
    memory.store(patterns);
    const auto together = memory.recall(states);
    for (Index i = 0; i < 3; ++i) {
        const auto alone = memory.recall(states.view().middle_rows(i, 1));
        CHECK(same_bits(alone.state, together.state.view().middle_rows(i, 1)));
        CHECK(alone.steps[0] == together.steps[static_cast<std::size_t>(i)]);
    }
    CHECK(memory.recall(Matrix(0, 8)).steps.empty());
}

TEST_CASE("a Hopfield memory refuses what it cannot hold or be asked, and is then as it was", "[hopfield]") {
    constexpr Real nan = std::numeric_limits<Real>::quiet_NaN(), inf = std::numeric_limits<Real>::infinity();
    for (const HopfieldOptions& wrong : {HopfieldOptions{.beta = 0},
                                         {.beta = -1},
                                         {.beta = nan},
                                         {.beta = inf},
                                         {.tolerance = -1},
                                         {.tolerance = nan},
                                         {.max_steps = 0},
                                         {.max_steps = -1}})
        CHECK_THROWS_AS(Hopfield(wrong), Error);
    Hopfield memory;
    const Matrix patterns = normal(3, 4, 1), narrow = normal(3, 3, 2);
    Matrix bad = patterns;
    bad(2, 3) = nan;
    CHECK_THROWS_AS(memory.recall(patterns), Error);
    CHECK_THROWS_AS(memory.store(bad), Error);
    CHECK_THROWS_AS(memory.store(Matrix(3, 0)), Error);
    CHECK_THROWS_AS(memory.store(patterns, normal(2, 4, 3)), Error);
    CHECK_THROWS_AS(memory.recall(patterns), Error);
    memory.store(patterns, narrow);
    bad(2, 3) = inf;
    CHECK_THROWS_AS(memory.store(patterns), Error);  // the others have values
    CHECK_THROWS_AS(memory.store(narrow, narrow), Error);
    CHECK_THROWS_AS(memory.store(patterns, patterns), Error);
    CHECK_THROWS_AS(memory.store(bad, narrow), Error);
    CHECK_THROWS_AS(memory.recall(narrow), Error);
    CHECK_THROWS_AS(memory.recall(bad), Error);
    CHECK(memory.size() == 3);
}
