#include "kvmem/nn/multi_head_attention.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace kvmem;
using test::check_gradients;
using test::distance;
using test::normal;
using test::offsets;
using test::same_bits;

// Biases begin at zero, which would hide a wrong one.
static void shake(Parameters& parameters) {
    std::uint64_t seed = 100;
    for (Parameter& p : parameters)
        if (p.name.ends_with(".bias")) p.value = normal(1, p.value.cols(), ++seed);
}

static void be_identity(Parameter& parameter) {
    parameter.value.fill(0);
    for (Index i = 0; i < parameter.value.rows(); ++i) parameter.value(i, i) = 1;
}

TEST_CASE("multi-head attention over a memory has the right gradients with widths of all kinds", "[nn]") {
    Parameters p;
    Parameter &query = p.add("q", normal(4, 3, 1)), &key = p.add("k", normal(5, 2, 2)),
              &value = p.add("v", normal(5, 4, 3));
    const MultiHeadAttention attention(
        p, "attention",
        {.width = 5, .heads = 2, .query_in = 3, .key_in = 2, .value_in = 4, .head_key = 2, .head_value = 3}, 1);
    shake(p);
    CHECK(p.find("attention.out.weight")->value.rows() == 5);
    CHECK(p.find("attention.out.weight")->value.cols() == 6);
    CHECK(p.find("attention.value.weight")->value.cols() == 4);
    const auto queries = offsets({1, 2, 1}), slots = offsets({3, 0, 2});
    for (const bool causal : {false, true}) {
        const auto read = [&](Tape& t) {
            return attention.read(t.parameter(query), t.parameter(key), t.parameter(value), {queries, slots},
                                  {.causal = causal});
        };
        check_gradients(p, [&](Tape& t) { return read(t).out; });
        check_gradients(p, [&](Tape& t) { return read(t).weights(); });
    }
}

TEST_CASE("multi-head self-attention has the right gradients", "[nn]") {
    for (const bool bias : {false, true}) {
        Parameters p;
        Parameter& x = p.add("x", normal(5, 4, 1));
        const MultiHeadAttention attention(p, "attention", {.width = 4, .heads = 2, .bias = bias}, 1);
        CHECK(p.size() == (bias ? 9 : 5));
        shake(p);
        const auto rows = offsets({3, 0, 2});
        check_gradients(p, [&](Tape& t) { return attention.self(t.parameter(x), rows, {.causal = true}).out; });
    }
}

TEST_CASE("heads may share keys and values, and take biases", "[nn]") {
    Parameters p;
    Parameter &x = p.add("x", normal(5, 4, 1)), &bias = p.add("slots", normal(5, 4, 2));
    const MultiHeadAttention attention(p, "attention", {.width = 4, .heads = 4, .key_heads = 2}, 1);
    shake(p);
    CHECK(p.find("attention.key.weight")->value.rows() == 2);
    CHECK(p.find("attention.query.weight")->value.rows() == 4);
    const auto rows = offsets({3, 0, 2});
    const auto read = [&](Tape& t) { return attention.self(t.parameter(x), rows, {}, {.slot = t.parameter(bias)}); };
    check_gradients(p, [&](Tape& t) { return read(t).out; });
    check_gradients(p, [&](Tape& t) { return read(t).weights(); });
}

TEST_CASE("one head with identity maps is the lookup itself, scaled", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 4}, 1);
    for (const char* map : {"a.query.weight", "a.key.weight", "a.value.weight", "a.out.weight"})
        be_identity(*p.find(map));
    const Matrix query = normal(3, 4, 1), key = normal(6, 4, 2), value = normal(6, 4, 3);
    const auto queries = offsets({2, 1}), slots = offsets({4, 2});
    const Segments segments{queries, slots};
    Tape t;
    const Var q = t.constant(query), k = t.constant(key), v = t.constant(value);
    const auto read = attention.read(q, k, v, segments);
    const Lookup lookup = attend(q, k, v, segments, {.scale = Real{0.5}});
    CHECK(distance(read.out.value(), lookup.read.value()) < 1e-14);
    CHECK(distance(read.log_sum_exp, lookup.log_sum_exp) < 1e-14);
}

TEST_CASE("every head has weights of its own, in rows that sum to one", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 6, .heads = 3}, 1);
    const Matrix x = normal(5, 6, 1), memory = normal(4, 6, 2);
    const auto queries = offsets({5}), slots = offsets({4});
    Tape t;
    const auto read = attention.read(t.constant(x), t.constant(memory), {queries, slots});
    const ConstView weights = read.weights().value();
    REQUIRE(weights.rows == 5 * 3 * 4);
    for (Index q = 0; q < 5; ++q)
        for (Index h = 0; h < 3; ++h) {
            double sum = 0, scores[4];
            for (Index s = 0; s < 4; ++s) {
                scores[s] = 0;
                for (Index d = 2 * h; d < 2 * h + 2; ++d)
                    scores[s] += read.query.value()(q, d) * read.key.value()(s, d) / std::sqrt(2.0);
                sum += std::exp(scores[s]);
            }
            for (Index s = 0; s < 4; ++s)
                CHECK(weights.data[(q * 3 + h) * 4 + s] == Approx(std::exp(scores[s]) / sum).epsilon(1e-10));
        }
}

TEST_CASE("sequences do not see each other, and no slots read as the bias of the output", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 4, .heads = 2}, 1);
    shake(p);
    Matrix x = normal(5, 4, 1);
    const auto rows = offsets({3, 2});
    Tape t;
    const Matrix before = [&] {
        Matrix copy(5, 4);
        const ConstView out = attention.self(t.constant(x), rows).out.value();
        std::copy_n(out.data, out.size(), copy.data());
        return copy;
    }();
    for (Index j = 0; j < 4; ++j) x(4, j) = std::numeric_limits<Real>::quiet_NaN();
    const ConstView after = attention.self(t.constant(x), rows).out.value();
    CHECK(same_bits(after.middle_rows(0, 3), before.view().middle_rows(0, 3)));
    CHECK(std::isnan(after(3, 0)));

    const Matrix none(0, 4), query = normal(2, 4, 3);
    const auto asked = offsets({2}), empty = offsets({0});
    const ConstView read = attention.read(t.constant(query), t.constant(none), {asked, empty}).out.value();
    for (Index i = 0; i < 2; ++i) CHECK(same_bits(read.middle_rows(i, 1), p.find("a.out.bias")->value));
}

TEST_CASE("weights are those of the read when its options are gone", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 4, .heads = 2}, 1);
    const Matrix x = normal(9, 4, 1);
    const auto rows = offsets({4, 5});
    Tape t;
    const std::vector<Real> slopes{Real{0.5}, 2};
    const Var expected = attention.self(t.constant(x), rows, {.slopes = slopes}).weights();
    std::vector<Real> gone = slopes;
    const auto read = attention.self(t.constant(x), rows, {.slopes = gone});
    gone.assign(2, -5);
    CHECK(same_bits(read.weights().value(), expected.value()));
}

TEST_CASE("a cache may be given rows of its own", "[nn]") {
    KeyValueCache cache(2);
    const Matrix key = normal(5, 3, 1), value = normal(5, 4, 2);
    cache.append(key, value, offsets({2, 3}));
    for (Index length = 2; length < 200; length *= 2) {  // it grows meanwhile, more than once
        cache.append(cache.key().middle_rows(0, length), cache.value().middle_rows(0, length), offsets({length, 0}));
        for (Index i = 0; i < 2 * length; ++i) {
            REQUIRE(std::equal(key.row(i % 2), key.row(i % 2) + 3, cache.key().row(i)));
            REQUIRE(std::equal(value.row(i % 2), value.row(i % 2) + 4, cache.value().row(i)));
        }
        const Index second = cache.slot_offsets()[2];
        REQUIRE(std::equal(key.row(2), key.row(2) + 9, cache.key().row(second)));
    }
}

TEST_CASE("sequences of a cache become copies of others", "[nn]") {
    KeyValueCache cache(2);
    std::vector<std::vector<Real>> expected(2);  // the first number of each slot
    Real next = 0;
    const auto grow = [&] {
        Matrix key(cache.sequences(), 3), value(cache.sequences(), 2);
        for (Index i = 0; i < cache.sequences(); ++i) {
            key(i, 0) = value(i, 1) = ++next;
            expected[i].push_back(next);
        }
        cache.append(key, value, offsets(std::vector<Index>(expected.size(), 1)));
    };
    cache.reorder(std::vector<Index>{1, 0, 0});  // without slots
    CHECK(cache.lengths() == std::vector<Index>{0, 0, 0});
    cache.reorder(std::vector<Index>{0, 1});
    for (const std::vector<Index>& rows : {std::vector<Index>{0, 0, 0, 1, 1, 1},
                                           {2, 1, 0, 5, 4, 3},
                                           {1, 0, 0, 0},
                                           {3, 3, 2, 1, 0},
                                           {0, 2},
                                           {1, 1, 0},
                                           {0, 1, 2, 2, 1, 0},
                                           {5, 0, 4, 1, 3, 2},
                                           {}}) {
        for (int i = 0; i < 5; ++i) grow();
        cache.reorder(rows);
        std::vector<std::vector<Real>> chosen;
        for (const Index row : rows) chosen.push_back(expected[row]);
        expected = std::move(chosen);
        REQUIRE(cache.sequences() == std::ssize(expected));
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const Index first = cache.slot_offsets()[2 * i];
            REQUIRE(cache.slot_offsets()[2 * i + 1] - first == std::ssize(expected[i]));
            for (std::size_t t = 0; t < expected[i].size(); ++t) {
                CHECK(cache.key()(first + static_cast<Index>(t), 0) == expected[i][t]);
                CHECK(cache.value()(first + static_cast<Index>(t), 1) == expected[i][t]);
            }
        }
        CHECK(cache.slot_offsets().back() == cache.key().rows);
    }
    CHECK_THROWS_AS(cache.reorder(std::vector<Index>{0}), Error);  // of none
}

TEST_CASE("rotary heads see distances alone, whole and step by step", "[nn]") {
    Parameters p;
    Parameter& x = p.add("x", normal(9, 8, 1));
    const MultiHeadAttention attention(p, "a", {.width = 8, .heads = 4, .key_heads = 2, .rotary = true}, 1);
    shake(p);
    const auto rows = offsets({3, 0, 6});
    check_gradients(p, [&](Tape& t) { return attention.self(t.parameter(x), rows, {.causal = true}).out; });
    Tape t;
    t.set_training(false);
    const ConstView whole = attention.self(t.parameter(x), rows, {.causal = true}).out.value();
    KeyValueCache cache(3);
    for (const std::vector<Index>& counts : {std::vector<Index>{1, 0, 2}, {2, 0, 1}, {0, 0, 3}}) {
        const std::vector<Index> before = cache.lengths();
        std::vector<Index> from;
        for (std::size_t i = 0; i < 3; ++i)
            for (Index at = 0; at < counts[i]; ++at) from.push_back(rows[i] + before[i] + at);
        const Var now = take_rows(t.parameter(x), from);
        const ConstView out = attention.step(cache, now, offsets(counts)).out.value();
        CHECK(distance(out, take_rows(t.constant(whole), from).value()) < 1e-13);
    }
    // Two more slots before all others change no product of a query and a key.
    const auto query_of = [&](const std::vector<Index>& positions) {
        return rotate(take_rows(t.parameter(x), std::vector<Index>{0, 1}), positions, 2);
    };
    const Var near = query_of({4, 9}), far = query_of({1004, 1009});
    const auto product = [](Var y) {
        double sum = 0;
        for (Index j = 0; j < 8; ++j) sum += double{y.value()(0, j)} * double{y.value()(1, j)};
        return sum;
    };
    CHECK(product(near) == Approx(product(far)).epsilon(1e-12));
    CHECK_THROWS_AS(MultiHeadAttention(p, "odd", {.width = 9, .heads = 3, .rotary = true}, 1), Error);
}

TEST_CASE("decoding step by step with a cache gives what causal self-attention gives", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 6, .heads = 2, .head_key = 2, .head_value = 5}, 1);
    shake(p);
    const std::vector<Index> lengths{40, 1, 23};
    const auto rows = offsets(lengths);
    const Matrix x = normal(rows.back(), 6, 1);
    Tape whole;
    const ConstView expected = attention.self(whole.constant(x), rows, {.causal = true}).out.value();

    KeyValueCache cache(3);
    Tape t;
    t.set_training(false);
    std::vector<Index> said(3, 0);
    // A whole beginning at once, then token by token; a sequence that is at its end says nothing.
    for (const Index chunk : {5, 1, 1, 1, 12, 1, 1, 17, 1}) {
        t.reset();
        std::vector<Index> counts, from;
        for (std::size_t i = 0; i < 3; ++i) {
            counts.push_back(std::min(chunk, lengths[i] - said[i]));
            for (Index r = 0; r < counts[i]; ++r) from.push_back(rows[i] + said[i] + r);
            said[i] += counts[i];
        }
        const auto now = offsets(counts);
        const auto read = attention.step(cache, take_rows(t.constant(x), from), now);
        CHECK(distance(read.out.value(), take_rows(whole.constant(expected), from).value()) < 1e-13);
        CHECK(read.weights().rows() == 2 * (counts[0] * said[0] + counts[1] * said[1] + counts[2] * said[2]));
        CHECK(cache.lengths() == said);
    }
    CHECK(said == lengths);

    // Some of it unsaid, and said again.
    t.reset();
    const std::vector<Index> shorter{39, 1, 0}, rest{39};
    cache.truncate(shorter);
    const auto now = offsets({1, 0, 0});
    const ConstView again = attention.step(cache, take_rows(t.constant(x), rest), now).out.value();
    CHECK(distance(again, expected.middle_rows(39, 1)) < 1e-13);
    CHECK(cache.lengths() == std::vector<Index>{40, 1, 0});
}

TEST_CASE("a cached memory is read as the memory itself", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 4, .heads = 2, .key_in = 3, .value_in = 2}, 1);
    shake(p);
    const Matrix query = normal(3, 4, 1), key = normal(6, 3, 2), value = normal(6, 2, 3);
    const auto queries = offsets({1, 0, 2}), slots = offsets({4, 2, 0});
    Tape t;
    t.set_training(false);
    KeyValueCache cache(3);
    attention.append(cache, t.constant(key), t.constant(value), slots);
    const ConstView direct =
        attention.read(t.constant(query), t.constant(key), t.constant(value), {queries, slots}).out.value();
    CHECK(distance(attention.read(cache, t.constant(query), queries).out.value(), direct) < 1e-13);
    CHECK(same_bits(direct.middle_rows(1, 1), p.find("a.out.bias")->value));
}

TEST_CASE("multi-head attention refuses options that cannot be", "[nn]") {
    Parameters p;
    constexpr Index huge = std::numeric_limits<Index>::max();
    for (const MultiHeadOptions& wrong : {MultiHeadOptions{},
                                          {.width = -4},
                                          {.width = 4, .heads = 0},
                                          {.width = 4, .heads = -2},
                                          {.width = 4, .heads = 3},
                                          {.width = 4, .heads = 3, .head_key = 2},
                                          {.width = 4, .heads = 2, .key_heads = -2},
                                          {.width = 6, .heads = 3, .key_heads = 2},
                                          {.width = 4, .query_in = -1},
                                          {.width = 4, .value_in = -1},
                                          {.width = 4, .head_key = -1, .head_value = 2},
                                          {.width = huge},
                                          {.width = 4, .heads = huge, .head_key = huge, .head_value = 1}})
        CHECK_THROWS_AS(MultiHeadAttention(p, "a", wrong, 1), Error);
    CHECK(p.size() == 0);
}

TEST_CASE("multi-head attention refuses inputs that do not fit, and a cache is then as it was", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 4, .heads = 2, .key_in = 3}, 1);
    const MultiHeadAttention self(p, "s", {.width = 4, .heads = 2}, 1);
    const Matrix four = normal(2, 4, 1), three = normal(2, 3, 2);
    const auto one_each = offsets({1, 1}), too_many = offsets({1, 2}), one = offsets({2});
    const std::vector<Index> falling{0, 2, 1}, late{1, 1, 2}, nothing, lengths{1, 1};
    Tape t;
    t.set_training(false);
    const Var x = t.constant(four), m = t.constant(three);
    CHECK_THROWS_AS(attention.read(m, m, x, {one_each, one_each}), Error);
    CHECK_THROWS_AS(attention.read(x, x, x, {one_each, one_each}), Error);
    CHECK_THROWS_AS(attention.read(x, m, m, {one_each, one_each}), Error);
    CHECK_THROWS_AS(attention.read(x, m, x, {one_each, one}), Error);
    CHECK_THROWS_AS(self.self(x, too_many), Error);

    CHECK_THROWS_AS(KeyValueCache(-1), Error);
    CHECK_THROWS_AS(KeyValueCache(std::numeric_limits<Index>::max()), Error);
    KeyValueCache cache(2);
    CHECK_THROWS_AS(self.read(cache, x, one_each), Error);  // nothing was ever said
    self.step(cache, x, one_each);
    for (const std::vector<Index>& wrong : {too_many, one, falling, late, nothing})
        CHECK_THROWS_AS(self.step(cache, x, wrong), Error);
    CHECK_THROWS_AS(self.step(cache, m, one_each), Error);
    CHECK_THROWS_AS(self.read(cache, x, one), Error);
    CHECK_THROWS_AS(self.read(cache, x, falling), Error);
    CHECK_THROWS_AS(self.read(cache, x, late), Error);
    CHECK_THROWS_AS(cache.append(four, three, one_each), Error);
    CHECK_THROWS_AS(cache.append(three, three, one_each), Error);
    CHECK_THROWS_AS(cache.append(four, normal(1, 4, 3), one_each), Error);
    for (const std::vector<Index>& wrong : {std::vector<Index>{1}, {2, 1}, {-1, 1}, {1, 1, 1}})
        CHECK_THROWS_AS(cache.truncate(wrong), Error);
    Tape training;
    const Var learns = training.constant(four);
    CHECK_THROWS_AS(self.step(cache, learns, one_each), Error);
    CHECK_THROWS_AS(self.append(cache, learns, learns, one_each), Error);
    CHECK_THROWS_AS(self.read(cache, learns, one_each), Error);
    CHECK(cache.lengths() == lengths);
    // A layer of other widths appends nothing.
    const MultiHeadAttention wide(p, "w", {.width = 4, .heads = 2, .head_key = 5}, 1);
    CHECK_THROWS_AS(wide.step(cache, x, one_each), Error);
    CHECK(cache.lengths() == lengths);
}

TEST_CASE("a cache of no sequences may be stepped", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 2}, 1);
    KeyValueCache cache(0);
    const Matrix nothing(0, 2);
    Tape t;
    t.set_training(false);
    CHECK(attention.step(cache, t.constant(nothing), offsets({})).out.rows() == 0);
}
