#include "kvmem/kernels/attend.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/normalizer.hpp"
#include "random.hpp"
#include "support/lookup_case.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

using namespace kvmem;
using test::check_against_oracle;
using test::check_close;
using test::distance;
using test::normal;
using test::not_a_number;
using test::offsets;
using test::same_bits;
using Case = test::LookupCase;

static constexpr Real infinity = std::numeric_limits<Real>::infinity();

TEST_CASE("attend equals its naive twin on random ragged memories", "[attend]") {
    Rng rng(1);
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        std::vector<Index> queries, slots;
        for (Index i = rng.below(6); i >= 0; --i) {
            queries.push_back(rng.below(4));
            slots.push_back(rng.below(3) == 0 ? 0 : rng.below(150));
        }
        Case c(queries, slots, 1 + rng.below(3), rng.below(40), rng.below(40), seed * 10);
        c.options.scale = static_cast<Real>(0.1 + rng.uniform());
        c.options.causal = rng.below(2) == 1;
        if (rng.below(2) == 1) c.slot_bias = normal(c.key.rows(), 1, seed + 3);
        INFO("seed " << seed);
        check_against_oracle(c);
    }
}

TEST_CASE("attend equals its naive twin at the edges", "[attend]") {
    const auto same = [](const std::vector<Index>& queries, const std::vector<Index>& slots) {
        Case c(queries, slots, 2, 5, 7, 1);
        check_against_oracle(c);
    };
    same({}, {});          // no segment
    same({0}, {0});        // an empty one
    same({0, 0}, {3, 4});  // no queries
    same({2, 1}, {0, 0});  // nothing is there
    same({1}, {1});
    same({3, 0, 1}, {63, 64, 65});  // around the block's size
    same({2, 2}, {127, 129});
    same({1, 2}, {3000, 5001});  // thousands of slots
}

TEST_CASE("a few queries read a memory that no cache holds", "[attend]") {
    const Index numbers = Index{3} << 17;
    for (const auto& [d, e] : {std::pair<Index, Index>{5, 7}, {64, 16}, {128, 128}, {100, 96}, {33, 600}, {600, 20}}) {
        CAPTURE(d, e);
        Case c({3}, {numbers / (d + e)}, 1, d, e, 1, 0.3);
        check_against_oracle(c);
    }
}

TEST_CASE("a query that may read no slot reads zero", "[attend]") {
    Case c({2, 1, 1}, {0, 3, 0}, 2, 4, 3, 1);
    c.run();
    for (const Index row : {0, 1, 3}) {
        for (Index j = 0; j < c.read.cols(); ++j) CHECK(c.read(row, j) == 0);
        for (Index h = 0; h < 2; ++h) CHECK(c.log_sum_exp(row, h) == -infinity);
    }
    CHECK(std::isfinite(c.log_sum_exp(2, 0)));
}

TEST_CASE("slots that are all masked by their bias are read as zero, without gradients", "[attend]") {
    Case c({1, 1}, {100, 70}, 1, 4, 3, 1);
    c.slot_bias = Matrix(170, 1);
    for (Index s = 0; s < 100; ++s) c.slot_bias(s, 0) = -infinity;
    for (Index s = 100; s < 168; ++s) c.slot_bias(s, 0) = -infinity;  // whole first block of the second segment
    check_against_oracle(c);
    for (Index j = 0; j < 3; ++j) CHECK(c.read(0, j) == 0);
    CHECK(c.weights[0] == 0);
    CHECK(c.weights[100 + 69] > 0);

    const Matrix grad_read = normal(2, 3, 9);
    Matrix gq(2, 4), gk(170, 4), gv(170, 3), gb(170, 1);
    c.back(grad_read, {.query = gq, .key = gk, .value = gv, .slot_bias = gb});
    for (Index s = 0; s < 168; ++s) {
        REQUIRE(gb(s, 0) == 0);
        for (Index j = 0; j < 3; ++j) REQUIRE(gv(s, j) == 0);
        for (Index j = 0; j < 4; ++j) REQUIRE(gk(s, j) == 0);
    }
    for (Index j = 0; j < 4; ++j) CHECK(gq(0, j) == 0);
    CHECK(gb(169, 0) != 0);
}

TEST_CASE("causal attention aligns the ends of queries and slots", "[attend]") {
    // Fewer, as many and more queries than slots: the first of four queries on two slots reads none.
    Case c({2, 3, 4}, {4, 3, 2}, 1, 3, 2, 1);
    c.options.causal = true;
    check_against_oracle(c);
    const auto readable = [&](std::size_t first, std::size_t slots) {
        std::size_t n = 0;
        while (n < slots && c.weights[first + n] > 0) ++n;
        return n;
    };
    CHECK(readable(0, 4) == 3);
    CHECK(readable(4, 4) == 4);
    CHECK(readable(8, 3) == 1);
    CHECK(readable(11, 3) == 2);
    CHECK(readable(17, 2) == 0);
    CHECK(readable(19, 2) == 0);
    CHECK(readable(21, 2) == 1);
    CHECK(readable(23, 2) == 2);
    CHECK(c.read(5, 0) == 0);
}

TEST_CASE("huge scores neither overflow nor vanish", "[attend]") {
    for (const Real sign : {Real{1}, Real{-1}}) {
        Case c({1, 1}, {90, 200}, 1, 1, 3, 1);
        c.query.fill(100);
        for (Index s = 0; s < c.key.rows(); ++s) c.key(s, 0) = sign * static_cast<Real>(100 + s % 7);
        c.run();
        const Case twin = c.oracle();
        check_close(c.read, twin.read, 2e-5);
        check_close(c.log_sum_exp, twin.log_sum_exp, 1e-6);
        // Made again from a log-sum-exp of 10^4, a weight has the accuracy of float at 10^4: half of 2^-10.
        double sum = 0;
        for (std::size_t i = 0; i < 90; ++i) sum += c.weights[i];
        CHECK(sum == Approx(1).margin(1e-3));
    }
    // One slot scores 10^4, the others -10^4.
    Case one({1}, {130}, 1, 1, 3, 1);
    one.query.fill(100);
    one.key.fill(-100);
    one.key(77, 0) = 100;
    one.run();
    for (Index j = 0; j < 3; ++j) CHECK(one.read(0, j) == one.value(77, j));
    CHECK(one.weights[77] == 1);
}

TEST_CASE("a slot is read alone however far its score is above the first one's", "[attend]") {
    for (Real score = 80; score < 1e30f; score *= 1.07f)
        for (const Index at : {1, 50, 130}) {
            Case c({9}, {200}, 1, 1, 2, 1);
            c.query.fill(1);
            c.key.fill(0);
            c.key(at, 0) = score;
            Arena scratch;
            attend(c.input(), c.segments(), c.options, c.output(), scratch);
            CAPTURE(score, at);
            for (Index q = 0; q < 9; ++q) {
                REQUIRE(c.read(q, 0) == Approx(c.value(at, 0)).epsilon(1e-6));
                REQUIRE(c.log_sum_exp(q, 0) == Approx(score).epsilon(1e-6));
            }
        }
}

TEST_CASE("scores may rise or fall from panel to panel of the slots, which may be masked", "[attend]") {
    // Two blocks of queries, three panels of slots. Rising scores: what was read before becomes next to nothing.
    for (const double step : {0.1, -0.1, 0.001, 0.0})
        for (const Index masked : {-1, 0, 1, 2})
            for (const bool by_keys : {false, true}) {
                Case c({70}, {1300}, 1, 5, 7, 1);
                c.slot_bias = Matrix(by_keys && masked < 0 ? 0 : 1300, 1);
                for (Index j = 0; j < 1300; ++j) {
                    if (by_keys)
                        c.key(j, 0) = static_cast<Real>(step * static_cast<double>(j));
                    else
                        c.slot_bias(j, 0) = static_cast<Real>(step * static_cast<double>(j));
                    if (j / 512 == masked) c.slot_bias(j, 0) = -infinity;
                }
                for (Index q = 0; by_keys && q < 70; ++q) c.query(q, 0) = 1;
                CAPTURE(step, masked, by_keys);
                check_against_oracle(c, 5e-5);
            }
}

TEST_CASE("NaN in a query, key or value is seen in the read", "[attend]") {
    for (const Index slots : {1, 3, 64, 65, 200})
        for (const Index bad : {Index{0}, slots / 2, slots - 1}) {
            Case c({1}, {slots}, 1, 2, 3, 1);
            c.key(bad, 0) = not_a_number;
            c.run();
            INFO(slots << " slots, slot " << bad);
            REQUIRE(std::isnan(c.read(0, 0)));
            REQUIRE(std::isnan(c.log_sum_exp(0, 0)));
            REQUIRE(std::isnan(c.oracle().read(0, 2)));
        }
    Case query({2}, {100}, 1, 2, 3, 1);
    query.query(0, 1) = not_a_number;
    query.run();
    CHECK(std::isnan(query.read(0, 0)));
    CHECK(std::isfinite(query.read(1, 0)));
    Case value({1}, {100}, 1, 2, 3, 1);
    value.value(50, 1) = not_a_number;
    value.run();
    CHECK(std::isnan(value.read(0, 1)));
    CHECK(std::isfinite(value.read(0, 0)));
    Case infinite({1}, {100}, 1, 1, 3, 1);
    infinite.query.fill(1);
    infinite.key(3, 0) = infinity;
    infinite.run();
    CHECK(std::isnan(infinite.read(0, 0)));
    // All other slots are masked: the one NaN must not pass for a masked one.
    Case masked({1}, {100}, 1, 1, 3, 1);
    masked.slot_bias = Matrix(100, 1);
    masked.slot_bias.fill(-infinity);
    masked.slot_bias(99, 0) = not_a_number;
    masked.run();
    CHECK(std::isnan(masked.read(0, 0)));
}

TEST_CASE("the weights of each query and head sum to one", "[attend]") {
    Case c({3, 2}, {150, 7}, 2, 8, 4, 5);
    c.run();
    std::size_t at = 0;
    for (const auto& [rows, slots] : {std::pair<int, std::size_t>{6, 150}, {4, 7}})
        for (int i = 0; i < rows; ++i, at += slots) {
            double sum = 0;
            for (std::size_t s = 0; s < slots; ++s) sum += c.weights[at + s];
            CHECK(sum == Approx(1).margin(1e-5));
        }
    CHECK(at == c.weights.size());
}

TEST_CASE("the reads of any split of the slots merge to that of the whole", "[attend]") {
    Case whole({3, 70}, {400, 900}, 2, 16, 8, 3);
    whole.run();
    for (const Index cut : {Index{0}, Index{1}, Index{150}, Index{399}, Index{400}}) {
        const auto part = [&](bool second) {
            // Of the first segment the slots before or from the cut, of the second one nothing or all.
            Case c({3, 70}, {second ? 400 - cut : cut, second ? 900 : 0}, 2, 16, 8, 3);
            c.query = whole.query;
            for (Index s = 0; s < c.key.rows(); ++s) {
                const Index from = second ? s + cut : s;
                for (Index j = 0; j < 32; ++j) c.key(s, j) = whole.key(from, j);
                for (Index j = 0; j < 16; ++j) c.value(s, j) = whole.value(from, j);
            }
            c.run();
            return c;
        };
        for (const bool swapped : {false, true}) {
            Case one = part(swapped);
            const Case other = part(!swapped);
            merge_outputs(one.read, one.log_sum_exp, other.read, other.log_sum_exp);
            INFO("cut at " << cut);
            check_close(one.read, whole.read, 1e-5);
            check_close(one.log_sum_exp, whole.log_sum_exp, 1e-5);
        }
    }
    Matrix wrong(3, 3);
    CHECK_THROWS_AS(merge_outputs(whole.read, whole.log_sum_exp, wrong, wrong), Error);
}

TEST_CASE("attend equals its naive twin in every form", "[attend]") {
    Rng rng(11);
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const Index groups = 1 + rng.below(2), heads = groups * (1 + rng.below(3)), d = rng.below(20),
                    e = rng.below(40);
        std::vector<Index> queries, slots;
        for (Index i = rng.below(3); i >= 0; --i) {
            queries.push_back(rng.below(2) == 0 ? rng.below(4) : rng.below(150));
            slots.push_back(rng.below(6) == 0 ? 0 : rng.below(rng.below(8) == 0 ? 1200 : 150));
        }
        Case c(queries, slots, heads, d, e, seed * 10);
        c.options.key_heads = groups;
        c.key = normal(c.key.rows(), groups * d, seed * 10 + 1);
        c.value = normal(c.key.rows(), groups * e, seed * 10 + 2);
        c.options.scale = static_cast<Real>(0.2 + rng.uniform());
        c.options.similarity = static_cast<Similarity>(rng.below(4));
        c.options.normalizer =
            static_cast<Normalizer>(rng.below(c.options.similarity == Similarity::euclidean ? 4 : 5));
        c.options.top_k = 1 + rng.below(9);
        c.options.causal = rng.below(3) == 0;
        if (rng.below(3) == 0) c.options.window = 1 + rng.below(60);
        if (rng.below(4) == 0) c.options.dropout = 0.3;
        c.options.seed = seed;
        if (rng.below(3) == 0) c.slot_bias = normal(c.key.rows(), rng.below(2) == 0 ? 1 : heads, seed + 3);
        if (rng.below(3) == 0)
            c.pair_bias = normal(weight_count(c.segments(), rng.below(2) == 0 ? 1 : heads), 1, seed + 4);
        if (rng.below(3) == 0)
            for (Index h = 0; h < heads; ++h) c.slopes.push_back(static_cast<Real>(0.1 * rng.uniform()));
        c.options.slopes = c.slopes;
        if (c.options.similarity == Similarity::additive) c.direction = normal(1, heads * d, seed + 5);
        INFO("seed " << seed);
        check_against_oracle(c, 5e-5);
    }
}

TEST_CASE("the published weights of softmax, sparsemax and entmax-1.5", "[attend]") {
    // Of the scores -2, 0, 0.5 (Peters et al. 2019).
    const auto weights = [](Normalizer normalizer, Index top_k) {
        Case c({1}, {3}, 1, 1, 1, 1);
        c.query(0, 0) = 1;
        c.key(0, 0) = -2, c.key(1, 0) = 0, c.key(2, 0) = Real{0.5};
        c.options.normalizer = normalizer;
        c.options.top_k = top_k;
        c.run();
        return c.weights;
    };
    const auto check = [](const std::vector<Real>& got, double a, double b, double c) {
        CHECK(got[0] == Approx(a).margin(5e-4));
        CHECK(got[1] == Approx(b).margin(5e-4));
        CHECK(got[2] == Approx(c).margin(5e-4));
    };
    check(weights(Normalizer::softmax, 0), 0.049, 0.359, 0.592);
    check(weights(Normalizer::sparsemax, 0), 0, 0.25, 0.75);
    check(weights(Normalizer::entmax15, 0), 0, 0.326, 0.674);
    check(weights(Normalizer::top_k, 1), 0, 0, 1);
    check(weights(Normalizer::top_k, 3), 0.049, 0.359, 0.592);
}

TEST_CASE("a single slot may have a bias for each head", "[attend]") {
    Case c({1}, {1}, 3, 2, 1, 1);
    c.slot_bias = normal(1, 3, 2);
    c.run();
    for (Index h = 0; h < 3; ++h) {
        const Real score = c.query(0, 2 * h) * c.key(0, 2 * h) + c.query(0, 2 * h + 1) * c.key(0, 2 * h + 1);
        CHECK(c.log_sum_exp(0, h) == Approx(score + c.slot_bias(0, h)));
    }
}

TEST_CASE("of equal scores the top k are the first slots", "[attend]") {
    Case c({1}, {5}, 1, 1, 1, 1);
    c.query(0, 0) = 1;
    for (Index s = 0; s < 5; ++s) c.key(s, 0) = s == 3 ? 2 : 1;
    c.options.normalizer = Normalizer::top_k;
    c.options.top_k = 3;
    c.run();
    CHECK(c.weights[0] == c.weights[1]);
    CHECK(c.weights[1] > 0);
    CHECK(c.weights[2] == 0);
    CHECK(c.weights[3] > c.weights[0]);
    CHECK(c.weights[4] == 0);
}

TEST_CASE("dropout of weights is the same for a seed and keeps their mean", "[attend]") {
    Case c({40}, {100}, 2, 4, 1, 1);
    c.value.fill(1);
    c.options.dropout = 0.25;
    c.options.seed = 5;
    c.run();
    const Matrix first = c.read;
    c.run();
    CHECK(same_bits(first, c.read));
    double mean = 0;
    for (const Real r : c.read.view().span()) mean += r / 80;
    CHECK(mean == Approx(1).margin(0.1));
    c.options.seed = 6;
    c.run();
    CHECK_FALSE(same_bits(first, c.read));
}

TEST_CASE("a memory of 16 bits reads as its rounded numbers do", "[attend]") {
    for (const auto& [queries, slots] : {std::pair<std::vector<Index>, std::vector<Index>>{{1, 1}, {5000, 0}},
                                         {{40, 1, 3}, {700, 20, 99}},
                                         {{1}, {15000}}}) {
        Case c(queries, slots, 2, 20, 24, 4);
        c.options.scale = static_cast<Real>(0.3);
        c.options.causal = slots.size() > 2;
        const auto narrow = [](Matrix& m) {
            std::vector<Bfloat16> all;
            for (Real& x : m.view().span()) {
                all.emplace_back(static_cast<float>(x));
                x = static_cast<Real>(static_cast<float>(all.back()));
            }
            return all;
        };
        const auto key = narrow(c.key), value = narrow(c.value);
        Arena scratch;
        Case twin = c;
        c.run();
        const Bfloat16View keys{key.data(), c.key.rows(), c.key.cols()},
            values{value.data(), c.value.rows(), c.value.cols()};
        attend(c.query, keys, values, c.segments(), c.options, twin.output(), scratch);
        check_close(c.read, twin.read, 1e-5);
        check_close(c.log_sum_exp, twin.log_sum_exp, 1e-5);
        std::vector<Real> scores(16);
        CHECK_THROWS_AS(
            attend(c.query, keys, values, c.segments(), c.options, {twin.read, twin.log_sum_exp, {}, scores}, scratch),
            Error);
        twin.options.dropout = 0.5;
        CHECK_THROWS_AS(attend(c.query, keys, values, c.segments(), twin.options, twin.output(), scratch), Error);
    }
    CHECK(Bfloat16(1.0f).bits == 0x3f80);
    CHECK(Bfloat16(1.00390625f).bits == 0x3f80);  // half way to the next one: to the even
    CHECK(Bfloat16(1.01171875f).bits == 0x3f82);
    CHECK(std::isnan(static_cast<float>(Bfloat16(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(static_cast<float>(Bfloat16(std::numeric_limits<float>::infinity())) ==
          std::numeric_limits<float>::infinity());
}

TEST_CASE("a kernel gives its scratch back", "[attend]") {
    Arena scratch;
    Case c({200}, {300}, 2, 8, 8, 1);
    attend(c.input(), c.segments(), c.options, c.output(), scratch);
    const auto capacity = scratch.capacity();
    for (int i = 0; i < 20; ++i) attend(c.input(), c.segments(), c.options, c.output(), scratch);
    CHECK(scratch.capacity() == capacity);
}

namespace {

struct Gradients {
    Matrix query, key, value, slot_bias;
};

// The backward pass from the formulas, with the naive weights, in double.
Gradients naive_backward(const Case& c, const Matrix& grad_read) {
    const Case twin = c.oracle();
    const Index heads = c.options.heads, d = c.query.cols() / heads, e = c.value.cols() / heads;
    Gradients g{Matrix(c.query.rows(), c.query.cols()), Matrix(c.key.rows(), c.key.cols()),
                Matrix(c.value.rows(), c.value.cols()), Matrix(c.key.rows(), 1)};
    std::size_t w = 0;
    for (std::size_t n = 0; n + 1 < c.query_offsets.size(); ++n)
        for (Index q = c.query_offsets[n]; q < c.query_offsets[n + 1]; ++q)
            for (Index h = 0; h < heads; ++h) {
                double mean = 0;
                const Index slots = c.slot_offsets[n + 1] - c.slot_offsets[n];
                std::vector<double> slope(static_cast<std::size_t>(slots));
                for (Index i = 0; i < slots; ++i) {
                    const Index s = c.slot_offsets[n] + i;
                    for (Index j = h * e; j < (h + 1) * e; ++j)
                        slope[static_cast<std::size_t>(i)] += double{grad_read(q, j)} * double{c.value(s, j)};
                    mean += twin.weights[w + static_cast<std::size_t>(i)] * slope[static_cast<std::size_t>(i)];
                }
                for (Index i = 0; i < slots; ++i) {
                    const Index s = c.slot_offsets[n] + i;
                    const double weight = twin.weights[w + static_cast<std::size_t>(i)];
                    const double step = weight * (slope[static_cast<std::size_t>(i)] - mean);
                    g.slot_bias(s, 0) += static_cast<Real>(step);
                    for (Index j = h * e; j < (h + 1) * e; ++j)
                        g.value(s, j) += static_cast<Real>(weight * grad_read(q, j));
                    for (Index j = h * d; j < (h + 1) * d; ++j) {
                        g.query(q, j) += static_cast<Real>(c.options.scale * step * c.key(s, j));
                        g.key(s, j) += static_cast<Real>(c.options.scale * step * c.query(q, j));
                    }
                }
                w += static_cast<std::size_t>(slots);
            }
    return g;
}

// The backward pass of a case that was run, from these scores or, without any, from recomputed ones.
void check_backward(const Case& c, std::span<Real> scores, const Matrix& grad_read, const Gradients& expected) {
    const bool biased = !c.slot_bias.view().empty();
    Gradients got{Matrix(c.query.rows(), c.query.cols()), Matrix(c.key.rows(), c.key.cols()),
                  Matrix(c.value.rows(), c.value.cols()), Matrix(biased ? c.key.rows() : 0, 1)};
    for (Matrix* m : {&got.query, &got.key, &got.value, &got.slot_bias}) m->fill(2);
    Case twin = c;
    Arena scratch;
    attend_backward(c.input(), c.segments(), c.options, {twin.read, twin.log_sum_exp, {}, scores}, grad_read,
                    {.query = got.query, .key = got.key, .value = got.value, .slot_bias = got.slot_bias}, scratch);
    for (Matrix* m : {&got.query, &got.key, &got.value, &got.slot_bias})
        for (Real& x : m->view().span()) x -= 2;
    check_close(got.query, expected.query, 2e-4);
    check_close(got.key, expected.key, 2e-4);
    check_close(got.value, expected.value, 2e-4);
    if (biased) check_close(got.slot_bias, expected.slot_bias, 2e-4);
}

// Runs a case with and without saving its scores, and both backward passes. Returns whether it saved any.
bool check_both_backward_passes(Case& c, std::uint64_t seed) {
    c.run();
    const Matrix grad_read = normal(c.read.rows(), c.read.cols(), seed);
    const Gradients expected = naive_backward(c, grad_read);
    check_backward(c, {}, grad_read, expected);
    Arena arena;
    const std::span<Real> scores = arena.take<Real>(saved_score_count(c.segments(), c.options));
    if (scores.empty()) return false;
    Case twin = c;
    attend(c.input(), c.segments(), c.options, {twin.read, twin.log_sum_exp, {}, scores}, arena);
    REQUIRE(same_bits(c.read, twin.read));
    REQUIRE(same_bits(c.log_sum_exp, twin.log_sum_exp));
    check_backward(c, scores, grad_read, expected);
    return true;
}

}  // namespace

TEST_CASE("attend_backward equals the formulas and adds to what is there", "[attend]") {
    Rng rng(2);
    int saved = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        std::vector<Index> queries, slots;
        for (Index i = rng.below(5); i >= 0; --i) {
            queries.push_back(rng.below(2) == 0 ? rng.below(4) : rng.below(100));
            slots.push_back(rng.below(3) == 0 ? 0 : rng.below(rng.below(4) == 0 ? 1100 : 150));
        }
        Case c(queries, slots, 1 + rng.below(3), 1 + rng.below(20), 1 + rng.below(20), seed * 10, 0.7);
        c.options.causal = rng.below(2) == 1;
        c.options.scale = static_cast<Real>(0.5);
        if (rng.below(2) == 1) c.slot_bias = normal(c.key.rows(), 1, seed + 3);
        INFO("seed " << seed);
        saved += check_both_backward_passes(c, seed + 4);
    }
    CHECK(saved > 20);
}

TEST_CASE("scores are saved for the backward pass however far they rise, and where memory allows", "[attend]") {
    // Above the first reference by more than a block of weights may come to.
    for (const double step : {0.04, -0.04}) {
        Case c({70}, {500}, 2, 5, 7, 1);
        for (Index j = 0; j < 500; ++j)
            for (const Index column : {0, 5}) c.key(j, column) = static_cast<Real>(step * static_cast<double>(j));
        for (Index q = 0; q < 70; ++q)
            for (const Index column : {0, 5}) c.query(q, column) = 1;
        CAPTURE(step);
        CHECK(check_both_backward_passes(c, 2));
    }
    const auto saved = [](const std::vector<Index>& queries, const std::vector<Index>& slots, Normalizer normalizer) {
        Case c(queries, slots, 4, 1, 1, 1);
        c.options.normalizer = normalizer;
        return saved_score_count(c.segments(), c.options);
    };
    CHECK(saved({20, 7}, {30, 512}, Normalizer::softmax) == 4 * (32 * 30 + 16 * 512));
    CHECK(saved({20, 7}, {30, 513}, Normalizer::softmax) == 0);                        // recomputed
    CHECK(saved({100, 6, 0}, {500, 520, 520}, Normalizer::softmax) == 4 * 112 * 500);  // few queries save none
    CHECK(saved({9000}, {500}, Normalizer::softmax) == 0);                             // too many
    CHECK(saved({20}, {30}, Normalizer::sparsemax) == 0);                              // saves weights
    CHECK(saved({1, 2}, {30, 40}, Normalizer::softmax) == 0);                          // the same

    Case c({20}, {30}, 1, 2, 2, 1);
    Arena arena;
    const std::span<Real> scores = arena.take<Real>(saved_score_count(c.segments(), c.options) + 1);
    const auto refuses = [&](std::span<Real> wrong) {
        CHECK_THROWS_AS(attend(c.input(), c.segments(), c.options, {c.read, c.log_sum_exp, {}, wrong}, arena), Error);
    };
    refuses(scores);
    refuses(scores.subspan(1));  // not at a cache line
    std::vector<Real> weights(600);
    CHECK_THROWS_AS(attend(c.input(), c.segments(), c.options,
                           {c.read, c.log_sum_exp, weights, scores.first(scores.size() - 1)}, arena),
                    Error);
}

TEST_CASE("one query's gradients are right at any width", "[attend]") {
    for (const Index width : {1, 15, 16, 31, 32, 47, 64, 131, 171, 300}) {
        Case c({1, 1}, {40, 3}, 1, width, width + 5, static_cast<std::uint64_t>(width), 0.7);
        c.options.scale = static_cast<Real>(0.3);
        c.run();
        const Matrix grad_read = normal(c.read.rows(), c.read.cols(), 4);
        const Gradients expected = naive_backward(c, grad_read);
        Matrix query(2, width), key(43, width), value(43, width + 5);
        c.back(grad_read, {.query = query, .key = key, .value = value});
        INFO("width " << width);
        check_close(query, expected.query, 2e-4);
        check_close(key, expected.key, 2e-4);
        check_close(value, expected.value, 2e-4);
    }
}

TEST_CASE("gradients of products are those of the biases times the scale, in the order of the weights", "[attend]") {
    for (const Index heads : {1, 2}) {
        Case c({1, 2, 1}, {70, 3, 0}, heads, 4, 3, 1);
        c.options.scale = static_cast<Real>(0.7);
        c.pair_bias = normal(weight_count(c.segments(), heads), 1, 3);
        c.run();
        Matrix grad_pair(c.pair_bias.rows(), 1), products = normal(c.pair_bias.rows(), 1, 4);
        c.back(normal(c.read.rows(), c.read.cols(), 2), {.pair_bias = grad_pair, .products = products.view().span()});
        for (Index i = 0; i < products.rows(); ++i)
            REQUIRE(products(i, 0) == Approx(0.7 * grad_pair(i, 0)).margin(1e-7));
        const auto refused = [&](std::span<Real> wrong) {
            CHECK_THROWS_AS(c.back(c.read, {.products = wrong}), Error);
        };
        refused(products.view().span().first(5));
        c.options.similarity = Similarity::cosine;
        refused(products.view().span());
    }
    Case many({30}, {20}, 1, 4, 3, 1);  // keeps no weights
    many.run();
    std::vector<Real> products(600);
    CHECK_THROWS_AS(many.back(many.read, {.products = products}), Error);
}

TEST_CASE("gradients that nobody wants are not needed for the others", "[attend]") {
    Case c({2, 1}, {70, 5}, 2, 4, 3, 1);
    c.run();
    const Matrix grad_read = normal(3, 6, 2);
    const Gradients all = naive_backward(c, grad_read);
    Matrix query(3, 8), key(75, 8), value(75, 6);
    c.back(grad_read, {.query = query});
    c.back(grad_read, {.key = key});
    c.back(grad_read, {.value = value});
    check_close(query, all.query, 1e-4);
    check_close(key, all.key, 1e-4);
    check_close(value, all.value, 1e-4);
}

TEST_CASE("attention has the same bits on any number of threads", "[attend]") {
    struct Out {
        Matrix read, log_sum_exp, query, key, value, bias;
    };
    // Many small memories, a few large, one shared by all: each large enough to be cut into tasks.
    const std::vector<std::pair<std::vector<Index>, std::vector<Index>>> shapes{
        {std::vector<Index>(64, 1), std::vector<Index>(64, 100)},
        {{20, 15, 0, 25}, {150, 200, 10, 0}},
        {{60}, {200}},
        // Slots in several parts, of one query and of more than a block; queries in several parts.
        {{1}, {20000}},
        {{70}, {9000}},
        {{600}, {700}}};
    for (const auto& [queries, slots] : shapes)
        for (const bool biased : {false, true}) {
            Case c(queries, slots, 2, 16, 16, 7);
            if (biased) c.slot_bias = normal(c.key.rows(), 1, 8);
            const Matrix grad_read = normal(c.read.rows(), c.read.cols(), 9);
            const auto on = [&](int threads) {
                const ThreadLimit limit(threads);
                c.run();
                Out out{c.read,
                        c.log_sum_exp,
                        Matrix(c.query.rows(), 32),
                        Matrix(c.key.rows(), 32),
                        Matrix(c.value.rows(), 32),
                        Matrix(biased ? c.key.rows() : 0, 1)};
                c.back(grad_read, {.query = out.query, .key = out.key, .value = out.value, .slot_bias = out.bias});
                return out;
            };
            const Out one = on(1);
            for (const int threads : {2, 8}) {
                const Out many = on(threads);
                CHECK(same_bits(one.read, many.read));
                CHECK(same_bits(one.log_sum_exp, many.log_sum_exp));
                CHECK(same_bits(one.query, many.query));
                CHECK(same_bits(one.key, many.key));
                CHECK(same_bits(one.value, many.value));
                CHECK(same_bits(one.bias, many.bias));
            }
        }
}

TEST_CASE("millions of equal values are read as one of them", "[attend]") {
    for (const Index queries : {1, 8}) {
        Case c({queries}, {4000000}, 1, 1, 1, 1, 0);
        c.value.fill(Real{0.1f});
        Arena scratch;
        attend(c.input(), c.segments(), c.options, c.output(), scratch);
        for (Index q = 0; q < queries; ++q) CHECK(c.read(q, 0) == Approx(double{Real{0.1f}}).epsilon(3e-6));
        if (queries > 1) continue;
        const Case saved = c.saving();
        CHECK(saved.read(0, 0) == Approx(double{Real{0.1f}}).epsilon(1e-5));
    }
}

TEST_CASE("attend refuses shapes and segments that do not fit", "[attend]") {
    Case good({2, 1}, {3, 4}, 2, 4, 3, 1);
    CHECK_NOTHROW(good.run());
    const auto refused = [&](auto spoil) {
        Case c = good;
        spoil(c);
        CHECK_THROWS_AS(c.run(), Error);
    };
    refused([](Case& c) { c.options.heads = 0; });
    refused([](Case& c) { c.options.heads = -1; });
    refused([](Case& c) { c.options.heads = 3; });
    refused([](Case& c) { c.options.key_heads = -1; });
    refused([](Case& c) { c.options.key_heads = 3; });
    refused([](Case& c) { c.options.key_heads = 1; });
    refused([](Case& c) { c.options.window = -1; });
    refused([](Case& c) { c.options.dropout = 1; });
    refused([](Case& c) { c.options.dropout = -0.1; });
    refused([](Case& c) { c.options.normalizer = Normalizer::top_k; });
    refused([](Case& c) { c.options.normalizer = static_cast<Normalizer>(5); });
    refused([](Case& c) { c.options.normalizer = static_cast<Normalizer>(-1); });
    refused([](Case& c) { c.options.similarity = static_cast<Similarity>(4); });
    refused([](Case& c) { c.options.similarity = static_cast<Similarity>(-1); });
    refused([](Case& c) {
        c.options.normalizer = Normalizer::none;
        c.options.similarity = Similarity::euclidean;
    });
    refused([](Case& c) { c.options.similarity = Similarity::additive; });
    refused([](Case& c) { c.direction = Matrix(1, 8); });
    refused([](Case& c) { c.options.slopes = std::span(c.read.data(), 1); });
    refused([](Case& c) { c.pair_bias = Matrix(3, 1); });
    refused([](Case& c) { c.slot_bias = Matrix(7, 3); });
    refused([](Case& c) { c.key = Matrix(7, 6); });
    refused([](Case& c) { c.value = Matrix(6, 6); });
    refused([](Case& c) { c.value = Matrix(0, 6); });
    refused([](Case& c) { c.value = Matrix(); });
    refused([](Case& c) { c.slot_bias = Matrix(6, 1); });
    refused([](Case& c) { c.read = Matrix(3, 5); });
    refused([](Case& c) { c.log_sum_exp = Matrix(3, 1); });
    refused([](Case& c) { c.query_offsets = {0, 3}; });
    refused([](Case& c) { c.query_offsets = {0, 2, 4}; });
    refused([](Case& c) { c.query_offsets = {1, 2, 3}; });
    refused([](Case& c) { c.slot_offsets = {0, 8, 7}; });
    refused([](Case& c) { c.slot_offsets = {0, -1, 7}; });
    refused([](Case& c) { c.query_offsets = c.slot_offsets = {}; });

    Arena arena;
    const auto unseen = [&](AttendInput in) {
        CHECK_THROWS_AS(attend(in, good.segments(), good.options, good.output(), arena), Error);
    };
    AttendInput in = good.input();
    in.query.data = nullptr;
    unseen(in);
    in = good.input();
    in.value.data = nullptr;
    unseen(in);

    const Matrix grad(3, 6);
    Matrix wrong(2, 2), key(7, 8);
    const auto backward = [&](ConstView g, const AttendGradients& out) { good.back(g, out); };
    CHECK_NOTHROW(backward(grad, {.key = key}));
    CHECK_THROWS_AS(backward(wrong, {.key = key}), Error);
    CHECK_THROWS_AS(backward(grad, {.query = wrong}), Error);
    CHECK_THROWS_AS(backward(grad, {.key = wrong}), Error);
    CHECK_THROWS_AS(backward(grad, {.value = wrong}), Error);
    CHECK_THROWS_AS(backward(grad, {.slot_bias = wrong}), Error);
    std::vector<Real> few(3);
    Arena scratch;
    CHECK_THROWS_AS(attend_weights(good.input(), good.segments(), good.options, few, scratch), Error);
}

TEST_CASE("the easy entry point gives the output of one segment of all", "[attend]") {
    Case c({3}, {7}, 2, 4, 3, 1);
    c.options.causal = true;
    c.options.scale = inverse_sqrt(4);
    CHECK(c.options.scale == Real(0.5));
    c.run();
    CHECK(same_bits(attend(c.query, c.key, c.value, c.options), c.read));
    CHECK(attend(Matrix(0, 8), c.key, c.value, c.options).rows() == 0);
    CHECK_THROWS_AS(attend(c.query, c.key, Matrix(6, 6), c.options), Error);
    CHECK_THROWS_AS(attend(c.query, c.key, c.value, {.heads = 3}), Error);
}

TEST_CASE("an unknown normalizer is an error, forward and backward", "[attend]") {
    std::vector<Real> scores{1, 2}, scratch(2);
    for (const int value : {-1, 5}) {
        CHECK_THROWS_AS(normalize_scores(static_cast<Normalizer>(value), 0, scores, scratch), Error);
        CHECK_THROWS_AS(normalize_scores_backward(static_cast<Normalizer>(value), scores, scratch), Error);
    }
    CHECK(scores == std::vector<Real>{1, 2});
}

TEST_CASE("segments are made by name and own their offsets", "[attend]") {
    const auto same = [](const OwnedSegments& made, std::vector<Index> queries, std::vector<Index> slots) {
        const Segments view = made;
        CHECK(std::ranges::equal(view.query_offsets, queries));
        CHECK(std::ranges::equal(view.slot_offsets, slots));
    };
    same(Segments::all(3, 7), {0, 3}, {0, 7});
    same(Segments::one_query_each(std::vector<Index>{0, 2, 2, 5}), {0, 1, 2, 3}, {0, 2, 2, 5});
    same(Segments::self(std::vector<Index>{0, 4, 9}), {0, 4, 9}, {0, 4, 9});
    same(Segments::one_query_each({}), {}, {});
    STATIC_REQUIRE_FALSE(std::is_convertible_v<OwnedSegments, Segments>);  // a view of a temporary would dangle
    STATIC_REQUIRE(std::is_convertible_v<const OwnedSegments&, Segments>);
}
