#include "kvmem/kernels/delta_rule.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/normalize.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

using namespace kvmem;
using test::distance;
using test::normal;
using test::same_bits;

namespace {
// Rows with keys of length 1, and numbers from 0 to 1 for decays and strengths.
struct Case {
    std::vector<Index> offsets;
    Matrix query, key, value, decay, strength, memory;

    Case(const std::vector<Index>& lengths, Index heads, Index d, Index e, std::uint64_t seed)
        : offsets(test::offsets(lengths)),
          query(normal(offsets.back(), heads * d, seed)),
          key(normal(offsets.back(), heads * d, seed + 1)),
          value(normal(offsets.back(), heads * e, seed + 2)),
          decay(between(offsets.back(), heads, seed + 3)),
          strength(between(offsets.back(), heads, seed + 4)),
          memory(normal(std::ssize(lengths), heads * d * e, seed + 5)) {
        for (Matrix* m : {&query, &key}) {
            const View rows = view_of(m->view().span(), d);
            Matrix lengths_of(1, rows.rows);
            normalize_rows(rows, rows, lengths_of.view().span());
        }
    }
    DeltaRuleCall call() const { return {{query, key, value, decay, strength, memory}, offsets}; }

  private:
    static Matrix between(Index rows, Index cols, std::uint64_t seed) {
        Matrix m(rows, cols);
        Rng rng(seed);
        for (Real& x : m.view().span()) x = static_cast<Real>(rng.uniform());
        return m;
    }
};

struct Result {
    Matrix out, last;
};
using Rule = std::function<void(const DeltaRuleCall&, View out, View last)>;
}  // namespace

static Result run(const DeltaRuleCall& call, const Rule& rule) {
    const DeltaRuleShape s = delta_rule_shape(call);
    Result r{Matrix(s.rows, s.heads * s.value_width), Matrix(s.sequences, s.heads * s.key_width * s.value_width)};
    r.out.fill(1e9);
    r.last.fill(1e9);
    rule(call, r.out, r.last);
    return r;
}
static void chunked(const DeltaRuleCall& call, View out, View last) {
    Arena arena;
    delta_rule(call, {}, out, last, arena);
}

static void recurrent(const DeltaRuleCall& call, View out, View last) {
    DeltaRuleCall by_rows = call;
    by_rows.recurrent = true;
    chunked(by_rows, out, last);
}

// Row after row of all sequences, which must have one length.
static void by_steps(const DeltaRuleCall& call, View out, View last) {
    const Index n = std::ssize(call.offsets) - 1, length = n > 0 ? call.offsets[1] : 0;
    std::vector<Index> offsets;
    for (Index i = 0; i <= n; ++i) offsets.push_back(i);
    const auto rows_at = [&](ConstView m, Index t) {
        Matrix rows(n, m.cols);
        for (Index i = 0; i < n; ++i) std::copy_n(m.row(call.offsets[i] + t), m.cols, rows.row(i));
        return rows;
    };
    Matrix memory(n, last.cols);
    if (call.memory.data) std::copy_n(call.memory.data, call.memory.size(), memory.data());
    for (Index t = 0; t < length; ++t) {
        const Matrix q = rows_at(call.query, t), k = rows_at(call.key, t), v = rows_at(call.value, t),
                     a = rows_at(call.decay, t), b = rows_at(call.strength, t);
        const Result step = run({{q, k, v, a, b, memory}, offsets}, chunked);
        memory = step.last;
        for (Index i = 0; i < n; ++i) std::copy_n(step.out.row(i), out.cols, out.row(call.offsets[i] + t));
    }
    std::copy_n(memory.data(), memory.size(), last.data);
}

// Relative to the largest number.
static double error(ConstView result, ConstView expected) {
    return distance(result, expected) / std::max(1.0, distance(expected, Matrix(expected.rows, expected.cols)));
}
static void check_equal(const DeltaRuleCall& call, const Rule& rule, const Rule& expected_rule, double tolerance) {
    const Result result = run(call, rule), expected = run(call, expected_rule);
    CHECK(error(result.out, expected.out) < tolerance);
    CHECK(error(result.last, expected.last) < tolerance);
}

TEST_CASE("the delta rule equals the naive twin", "[delta-rule]") {
    for (const auto& [heads, d, e] :
         {std::array<Index, 3>{1, 1, 1}, {2, 3, 5}, {3, 16, 8}, {2, 64, 64}, {1, 20, 130}}) {
        CAPTURE(heads, d, e);
        Case c({0, 1, 2, 31, 32, 0, 33, 100, 1}, heads, d, e, 1);
        check_equal(c.call(), chunked, naive::delta_rule, 1e-5);
        check_equal(c.call(), recurrent, naive::delta_rule, 1e-5);
        DeltaRuleCall from_zeros = c.call();
        from_zeros.memory = {};
        check_equal(from_zeros, chunked, naive::delta_rule, 1e-5);
    }
}

TEST_CASE("steps of the delta rule have the bits of its recurrent form", "[delta-rule]") {
    const Case c({70, 70}, 2, 17, 24, 1);
    const Result steps = run(c.call(), by_steps), whole = run(c.call(), recurrent);
    CHECK(same_bits(steps.out, whole.out));
    CHECK(same_bits(steps.last, whole.last));
}

TEST_CASE("chunks and steps of the delta rule agree on long sequences and extreme decays", "[delta-rule]") {
    Case c({2000, 2000}, 2, 32, 24, 1);
    check_equal(c.call(), chunked, by_steps, 1e-5);
    for (const Real decay : {0.0f, 1e-30f, 1e-4f, 0.99999f, 1.0f})
        for (const Real strength : {0.0f, 1e-6f, 1.0f}) {
            CAPTURE(decay, strength);
            c.decay.fill(decay);
            c.strength.fill(strength);
            check_equal(c.call(), chunked, by_steps, 1e-5);
        }
}

TEST_CASE("rows without a key read and decay the memory of the delta rule, and write nothing", "[delta-rule]") {
    Case c({70}, 1, 8, 8, 1);
    c.key.fill(0);
    c.decay.fill(0.5);
    const Result r = run(c.call(), chunked);
    CHECK(distance(r.last, Matrix(1, 64)) < 1e-15);
    check_equal(c.call(), chunked, by_steps, 1e-6);
}

TEST_CASE("the delta rule recalls what was written last for a key", "[delta-rule]") {
    constexpr Index d = 8;
    Case c({3 * d}, 1, d, 4, 1);
    c.decay.fill(1);
    c.strength.fill(1);
    c.memory.fill(0);
    for (Index t = 0; t < 3 * d; ++t)
        for (Index k = 0; k < d; ++k) c.query(t, k) = c.key(t, k) = k == t % d ? Real{1} : Real{0};
    const Result r = run(c.call(), chunked);
    CHECK(distance(r.out, c.value) < 1e-6);
    for (Index k = 0; k < d; ++k)
        for (Index j = 0; j < 4; ++j) CHECK(r.last(0, 4 * k + j) == Approx(c.value(2 * d + k, j)));
}

TEST_CASE("a sequence has the same bits beside others and on any number of threads", "[delta-rule]") {
    const Case c({40, 90, 1, 33}, 2, 16, 16, 1);
    const Result all = run(c.call(), chunked);
    {
        const ThreadLimit one(1);
        const Result alone = run(c.call(), chunked);
        CHECK(same_bits(alone.out, all.out));
        CHECK(same_bits(alone.last, all.last));
    }
    const auto rows = [](const Matrix& m) { return m.view().middle_rows(40, 90); };
    const std::vector<Index> offsets{0, 90};
    const Result second = run({{rows(c.query), rows(c.key), rows(c.value), rows(c.decay), rows(c.strength),
                                c.memory.view().middle_rows(1, 1)},
                               offsets},
                              chunked);
    CHECK(same_bits(second.out, rows(all.out)));
    CHECK(same_bits(second.last, all.last.view().middle_rows(1, 1)));
}

TEST_CASE("shapes that do not fit the delta rule are refused", "[delta-rule]") {
    const Case c({3, 2}, 2, 4, 3, 1);
    Arena arena;
    Matrix out(5, 6), last(2, 24);
    const auto refuses = [&](auto change) {
        DeltaRuleCall call = c.call();
        change(call);
        CHECK_THROWS_AS(delta_rule(call, {}, out, last, arena), Error);
    };
    const std::vector<Index> short_offsets{0, 4}, falling{0, 5, 3, 5};
    const Matrix other(5, 7), none;
    refuses([&](DeltaRuleCall& x) { x.offsets = {}; });
    refuses([&](DeltaRuleCall& x) { x.offsets = short_offsets; });
    refuses([&](DeltaRuleCall& x) { x.offsets = falling; });
    refuses([&](DeltaRuleCall& x) { x.query = other; });
    refuses([&](DeltaRuleCall& x) { x.query = x.key = other; });
    refuses([&](DeltaRuleCall& x) { x.value = other; });
    refuses([&](DeltaRuleCall& x) { x.decay = none; });
    refuses([&](DeltaRuleCall& x) { x.strength = other; });
    refuses([&](DeltaRuleCall& x) { x.memory = other; });
    CHECK_THROWS_AS(delta_rule(c.call(), {}, Matrix(5, 5), last, arena), Error);
    CHECK_THROWS_AS(delta_rule(c.call(), {}, out, Matrix(1, 24), arena), Error);
    CHECK_THROWS_AS(delta_rule(c.call(), {out, Matrix(1, 24)}, out, last, arena), Error);
    CHECK_THROWS_AS(delta_rule_backward(c.call(), {}, out, {}, {}, arena), Error);
    const DeltaRuleSaved saved = delta_rule_room(c.call(), arena);
    CHECK_THROWS_AS(delta_rule_backward(c.call(), saved, out, out, {}, arena), Error);
    CHECK_NOTHROW(delta_rule(c.call(), saved, out, last, arena));
}
