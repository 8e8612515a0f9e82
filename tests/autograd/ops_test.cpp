// Every operation against numeric gradients, in double.
#include "kvmem/autograd/ops.hpp"

#include "autograd/low_rank_grad.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>

using namespace kvmem;
using test::check_gradients;
using test::normal;
using test::offsets;

static Ragged<Token> bags(const std::vector<std::vector<Token>>& rows) {
    Ragged<Token> all;
    for (const auto& row : rows) all.push_row(row);
    return all;
}

TEST_CASE("embed_sum has the right gradient, with empty bags and repeated tokens", "[ops]") {
    for (const BagScale scale : {BagScale::sum, BagScale::inverse_sqrt, BagScale::mean}) {
        Parameters p;
        Parameter& table = p.add("table", normal(5, 3, 1));
        const Ragged<Token> some = bags({{0, 1}, {}, {3, 3, 3, 1}, {4}, {}}), none;
        check_gradients(p, [&](Tape& t) { return embed_sum(t, table, some, scale); });
        check_gradients(p, [&](Tape& t) { return embed_sum(t, table, none, scale); });
    }
}

TEST_CASE("sentences have the right gradients, by several tables, with factors of places and start rows", "[ops]") {
    for (const Index width : {1, 3, 20}) {
        Parameters p;
        const auto table = [&](const char* name, Index rows) {
            return &p.add(name, normal(rows, width, static_cast<std::uint64_t>(p.size())));
        };
        const std::vector<SentenceTables> bare{{table("A", 5)}, {table("C", 5)}},
            started{{bare[0].words, table("TA", 4)}, {bare[1].words, table("TC", 4)}};
        const Ragged<Token> some = bags({{0, 1}, {}, {3, 3, 3, 1}, {4}, {}});
        const std::vector<Token> start{3, 0, 0, 2, 1};
        const auto check = [&](const std::vector<SentenceTables>& tables, bool places) {
            check_gradients(p, [&](Tape& t) {
                const PositionFactors factors = places ? position_encoding(some, width, t.arena()) : PositionFactors{};
                return concat_rows(embed_sentences(t, tables, some, factors, start));
            });
        };
        for (const bool places : {false, true}) check(bare, places), check(started, places);
        check_gradients(p, [&](Tape& t) { return embed_sentences(t, *bare[0].words, some, {}); });
    }
}

TEST_CASE("sentences are refused with tables of different shapes, or none", "[ops]") {
    Parameters p;
    const Parameter &a = p.add("a", normal(5, 3, 1)), &taller = p.add("taller", normal(6, 3, 2)),
                    &wider = p.add("wider", normal(5, 4, 3));
    const Ragged<Token> one = bags({{0, 1}});
    const std::vector<Token> start{0};
    Tape t;
    const auto refused = [&](const std::vector<SentenceTables>& tables, std::span<const Token> rows) {
        CHECK_THROWS_AS(embed_sentences(t, tables, one, {}, rows), Error);
    };
    refused({}, {});
    refused({{&a}, {&taller}}, {});
    refused({{&a}, {&wider}}, {});
    refused({{&a, &a}, {&a}}, start);
    refused({{&a, &a}}, {});
}

TEST_CASE("a gated scan that does not fit leaves nothing on the tape", "[ops]") {
    Parameters p;
    Parameter& z = p.add("z", normal(7, 3, 1));
    Tape tape;
    const Var x = tape.parameter(z);
    CHECK_THROWS_AS(gated_scan(x, x, std::vector<Index>{0, 5}), Error);
    CHECK_NOTHROW(tape.backward(sum(multiply(x, x))));
}

TEST_CASE("a gated scan has the right gradients in both directions", "[ops]") {
    const std::vector<Index> offsets{0, 0, 1, 5, 5, 7};
    for (const Index width : {1, 3, 8})
        for (const Direction direction : {Direction::forwards, Direction::backwards}) {
            Parameters p;
            Parameter &z = p.add("z", normal(7, width, 1)), &c = p.add("c", normal(7, width, 2));
            check_gradients(p, [&](Tape& t) {
                return gated_scan(activate(t.parameter(z), Activation::sigmoid), t.parameter(c), offsets, direction);
            });
            const Matrix fixed_z = z.value, fixed_c = c.value;
            check_gradients(
                p, [&](Tape& t) { return gated_scan(t.parameter(z), t.constant(fixed_c), offsets, direction); });
            check_gradients(
                p, [&](Tape& t) { return gated_scan(t.constant(fixed_z), t.parameter(c), offsets, direction); });
        }
}

TEST_CASE("linear and dot_scores have the right gradients", "[ops]") {
    for (const auto& [rows, in, out] : {std::array<Index, 3>{4, 3, 2}, {1, 1, 1}, {0, 3, 2}, {3, 0, 2}, {3, 2, 0}}) {
        Parameters p;
        Parameter &x = p.add("x", normal(rows, in, 1)), &w = p.add("w", normal(out, in, 2)),
                  &b = p.add("b", normal(1, out, 3));
        check_gradients(p, [&](Tape& t) { return linear(t.parameter(x), t.parameter(w), t.parameter(b)); });
        check_gradients(p, [&](Tape& t) { return linear(t.parameter(x), t.parameter(w)); });
        check_gradients(p, [&](Tape& t) { return dot_scores(t.parameter(x), t.parameter(w)); });
        const Matrix fixed = x.value, fixed_w = w.value;  // copies: gradcheck moves the parameters
        check_gradients(p, [&](Tape& t) { return linear(t.constant(fixed), t.parameter(w), t.parameter(b)); });
        check_gradients(p, [&](Tape& t) { return linear(t.constant(fixed), t.constant(fixed_w), t.parameter(b)); });
    }
    Parameters p;
    Parameter& x = p.add("x", normal(3, 3, 1));
    check_gradients(p, [&](Tape& t) { return dot_scores(t.parameter(x), t.parameter(x)); });
}

TEST_CASE("linear of many rows has the right gradients", "[ops]") {
    Parameters p;
    Parameter &w = p.add("w", normal(2, 3, 1, 0.01)), &b = p.add("b", normal(1, 2, 2, 0.01));
    const Matrix x = normal(9001, 3, 3, 0.01);
    check_gradients(p, [&](Tape& t) { return linear(t.constant(x), t.parameter(w), t.parameter(b)); });
}

TEST_CASE("operations number by number have the right gradients", "[ops]") {
    for (const Index rows : {0, 1, 4}) {
        Parameters p;
        Parameter &x = p.add("x", normal(rows, 3, 1)), &y = p.add("y", normal(rows, 3, 2));
        const Matrix fixed = normal(rows, 3, 3);
        check_gradients(p, [&](Tape& t) { return add(t.parameter(x), t.parameter(y)); });
        check_gradients(p, [&](Tape& t) { return add(t.constant(fixed), t.parameter(y)); });
        check_gradients(p, [&](Tape& t) { return multiply(t.parameter(x), t.parameter(y)); });
        check_gradients(p, [&](Tape& t) { return multiply(t.parameter(x), t.constant(fixed)); });
        check_gradients(p, [&](Tape& t) { return multiply(t.parameter(x), t.parameter(x)); });
        check_gradients(p, [&](Tape& t) { return subtract(t.parameter(x), t.parameter(y)); });
        check_gradients(p, [&](Tape& t) { return subtract(t.constant(fixed), t.parameter(y)); });
        check_gradients(p, [&](Tape& t) { return scale(t.parameter(x), -3); });
        check_gradients(p, [&](Tape& t) { return sum(t.parameter(x)); });
        check_gradients(p, [&](Tape& t) { return dropout(t.parameter(x), 0.4); });
        for (const Activation f :
             {Activation::identity, Activation::relu, Activation::tanh, Activation::sigmoid, Activation::gelu})
            check_gradients(p, [&](Tape& t) { return activate(t.parameter(x), f); });
    }
}

TEST_CASE("operators are the operations that they stand for", "[ops]") {
    Parameters p;
    Parameter &a = p.add("x", normal(2, 3, 1)), &b = p.add("y", normal(2, 3, 2));
    const auto formula = [&](Tape& t) {
        const Var x = t.parameter(a), y = t.parameter(b);
        return tanh(x + y) * sigmoid(-x) - 2 * relu(y) * Real{0.5};
    };
    check_gradients(p, formula);
    Tape t;
    const Var out = formula(t);
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 3; ++j) {
            const double x = double{a.value(i, j)}, y = double{b.value(i, j)};
            CHECK(out.value()(i, j) == Approx(std::tanh(x + y) / (1 + std::exp(x)) - std::max(y, 0.0)));
        }
}

TEST_CASE("sentences may go once they are embedded", "[ops]") {
    Parameters p;
    const Parameter &words = p.add("A", normal(5, 3, 1)), &starts = p.add("T", normal(4, 3, 2));
    const std::array<SentenceTables, 1> tables{{{&words, &starts}}};
    const Matrix factors = normal(4, 3, 3);
    const auto gradient = [&](bool spoil) {
        Ragged<Token> sentences = bags({{0, 1}, {}, {3, 3, 3, 1}, {4}});
        std::vector<Token> start{3, 0, 2, 1};
        std::vector<Index> first{0, 1, 0, 2};
        Matrix places = factors;
        Tape t;
        const Var loss = sum(tanh(embed_sentences(t, tables, sentences, {places, first}, start)[0]));
        if (spoil) {
            std::ranges::fill(sentences.values, Token{-7});
            std::ranges::fill(sentences.offsets, Index{-7});
            std::ranges::fill(start, Token{-7});
            std::ranges::fill(first, Index{-7});
            places.fill(7);
        }
        t.backward(loss);
        Matrix both(9, 3);
        std::ranges::copy(t.gradient(words).dense().span(), both.data());
        std::ranges::copy(t.gradient(starts).dense().span(), both.row(5));
        return both;
    };
    CHECK(test::same_bits(gradient(false), gradient(true)));
    CHECK(test::distance(gradient(false), Matrix(9, 3)) > 0.1);
}

TEST_CASE("layer_norm and normalize_rows have the right gradients", "[ops]") {
    for (const auto& [rows, d] : {std::pair<Index, Index>{3, 5}, {1, 2}, {2, 1}, {0, 4}}) {
        Parameters p;
        Parameter &x = p.add("x", normal(rows, d, 1)), &gain = p.add("gain", normal(1, d, 2)),
                  &bias = p.add("bias", normal(1, d, 3));
        check_gradients(p, [&](Tape& t) { return layer_norm(t.parameter(x), t.parameter(gain), t.parameter(bias)); });
        const Matrix fixed = x.value, fixed_gain = gain.value, fixed_bias = bias.value;
        check_gradients(p,
                        [&](Tape& t) { return layer_norm(t.constant(fixed), t.parameter(gain), t.parameter(bias)); });
        check_gradients(
            p, [&](Tape& t) { return layer_norm(t.parameter(x), t.constant(fixed_gain), t.constant(fixed_bias)); });
        check_gradients(p, [&](Tape& t) { return normalize_rows(t.parameter(x)); });
    }
}

TEST_CASE("attend has the right gradients in every form", "[ops]") {
    struct Form {
        std::vector<Index> queries, slots;
    };
    // A memory for each question (one empty), self-attention, more queries than slots and fewer, a shared memory
    // of more than one block, nobody asking.
    for (const Form& form :
         {Form{{1, 1, 1}, {3, 0, 2}}, {{3, 2}, {3, 2}}, {{4, 1}, {2, 3}}, {{2}, {70}}, {{0, 2}, {2, 1}}})
        for (const Index heads : {1, 2})
            for (const bool causal : {false, true})
                for (const bool biased : {false, true}) {
                    const auto q = offsets(form.queries), s = offsets(form.slots);
                    Parameters p;
                    Parameter &query = p.add("query", normal(q.back(), heads * 3, 1)),
                              &key = p.add("key", normal(s.back(), heads * 3, 2)),
                              &value = p.add("value", normal(s.back(), heads * 2, 3)),
                              &bias = p.add("bias", normal(s.back(), 1, 4));
                    AttendOptions options;
                    options.heads = heads;
                    options.scale = 0.7;
                    options.causal = causal;
                    check_gradients(p, [&](Tape& t) {
                        return attend(t.parameter(query), t.parameter(key), t.parameter(value), {q, s}, options,
                                      {.slot = biased ? std::optional(t.parameter(bias)) : std::nullopt})
                            .read;
                    });
                }
}

TEST_CASE("attend has the right gradients for every similarity, normalizer, mask and bias", "[ops]") {
    Rng rng(3);
    for (std::uint64_t seed = 0; seed < 120; ++seed) {
        const Index groups = 1 + rng.below(2), heads = groups * (1 + rng.below(2));
        // A few queries, whose weights are saved, or many, whose weights are computed again.
        const bool many = rng.below(3) == 0;
        const auto q = offsets({many ? 9 : 2, 0, 1}), s = offsets({many ? 12 : 4, 1, 3});
        AttendOptions options{.heads = heads, .key_heads = groups, .scale = static_cast<Real>(0.7)};
        options.similarity = static_cast<Similarity>(seed % 4);
        options.normalizer = static_cast<Normalizer>(rng.below(many ? 1 : 5));
        if (options.normalizer == Normalizer::none && options.similarity == Similarity::euclidean) continue;
        options.top_k = 2;
        options.causal = rng.below(3) == 0;
        if (rng.below(3) == 0) options.window = 3;
        if (rng.below(3) == 0) options.dropout = 0.3;
        const std::vector<Real> slopes(static_cast<std::size_t>(heads), static_cast<Real>(0.2));
        if (rng.below(3) == 0) options.slopes = slopes;
        Parameters p;
        Parameter &query = p.add("query", normal(q.back(), heads * 3, seed + 1)),
                  &key = p.add("key", normal(s.back(), groups * 3, seed + 2)),
                  &value = p.add("value", normal(s.back(), groups * 2, seed + 3)),
                  &slot = p.add("slot", normal(s.back(), rng.below(2) == 0 ? 1 : heads, seed + 4)),
                  &pair = p.add("pair", normal(weight_count({q, s}, rng.below(2) == 0 ? 1 : heads), 1, seed + 5)),
                  &direction = p.add("direction", normal(1, heads * 3, seed + 6)),
                  &factor = p.add("factor", normal(1, 1, seed + 7));
        const bool slots = rng.below(2) == 0, pairs = rng.below(2) == 0, scaled = rng.below(2) == 0;
        const auto bias = [&](Tape& t) {
            LookupBias all;
            if (slots) all.slot = t.parameter(slot);
            if (pairs) all.pair = t.parameter(pair);
            if (options.similarity == Similarity::additive)
                all.direction = t.parameter(direction);
            else if (scaled)
                all.scale = t.parameter(factor);
            return all;
        };
        INFO("seed " << seed);
        check_gradients(p, [&](Tape& t) {
            t.seed(7);  // the same weights are dropped every time
            return attend(t.parameter(query), t.parameter(key), t.parameter(value), {q, s}, options, bias(t)).read;
        });
        check_gradients(p, [&](Tape& t) {
            return attend_weights(t.parameter(query), t.parameter(key), {q, s}, options, bias(t));
        });
    }
}

TEST_CASE("Euclidean lookups have the right gradients wherever their points are", "[ops]") {
    for (const bool many : {false, true})
        for (const double apart : {0.0, 200.0})
            for (const Normalizer normalizer : {Normalizer::softmax, Normalizer::sparsemax, Normalizer::top_k}) {
                const auto q = offsets({many ? 9 : 2, 1}), s = offsets({many ? 12 : 4, 3});
                AttendOptions options{.heads = 2, .key_heads = 1, .scale = Real{0.4}, .top_k = 2};
                options.similarity = Similarity::euclidean;
                options.normalizer = normalizer;
                Parameters p;
                Parameter &query = p.add("query", normal(q.back(), 6, 1)), &key = p.add("key", normal(s.back(), 3, 2)),
                          &value = p.add("value", normal(s.back(), 2, 3)),
                          &slot = p.add("slot", normal(s.back(), 2, 4)), &factor = p.add("factor", normal(1, 1, 5));
                for (Matrix* m : {&query.value, &key.value})  // 1,000 from the origin, at two places
                    for (Index row = 0; row < m->rows(); ++row)
                        for (Index j = 0; j < m->cols(); ++j)
                            (*m)(row, j) += static_cast<Real>(1000 + apart * static_cast<double>(row % 2));
                factor.value.fill(Real{0.8});
                CAPTURE(many, apart);
                check_gradients(p, [&](Tape& t) {
                    return attend(t.parameter(query), t.parameter(key), t.parameter(value), {q, s}, options,
                                  {.slot = t.parameter(slot), .scale = t.parameter(factor)})
                        .read;
                });
                check_gradients(p, [&](Tape& t) {
                    return attend_weights(t.parameter(query), t.parameter(key), {q, s}, options,
                                          {.scale = t.parameter(factor)});
                });
            }
}

TEST_CASE("lookups under a finite mask of all slots have the right gradients", "[ops]") {
    for (const double mask : {-2000.0, -1e9, -1e300})
        for (const bool many : {false, true}) {
            const auto q = offsets({many ? 70 : 2}), s = offsets({many ? 9 : 4});
            Parameters p;
            Parameter& value = p.add("value", normal(s.back(), 2, 3));
            const Matrix query = normal(q.back(), 3, 1, 1e-20), key = normal(s.back(), 3, 2, 1e-20);
            Matrix bias(s.back(), 1);
            bias.fill(static_cast<Real>(mask));
            check_gradients(p, [&](Tape& t) {
                return attend(t.constant(query), t.constant(key), t.parameter(value), {q, s}, {},
                              {.slot = t.constant(bias)})
                    .read;
            });
        }
}

TEST_CASE("embedded keys and values have the right gradients however they are read", "[ops]") {
    // Outer products as long as all lookups have one query a segment and the same segments; otherwise written out.
    const Ragged<Token> keys = bags({{0, 1}, {}, {3, 3, 3, 1}, {4}, {2, 0}}), values = bags({{1}, {2}, {3}, {3}, {0}});
    const std::vector<Index> one_each{0, 1, 2, 3}, slots{0, 2, 2, 5}, others{0, 1, 4, 5}, one{0, 3}, all{0, 5};
    for (const BagScale scale : {BagScale::sum, BagScale::inverse_sqrt})
        for (const int use : {0, 1, 2, 3, 4, 5, 6}) {
            CAPTURE(use);
            Parameters p;
            Parameter &table = p.add("table", normal(5, 6, 1)), &query = p.add("query", normal(3, 6, 2)),
                      &factor = p.add("factor", normal(1, 1, 3));
            check_gradients(p, [&](Tape& t) {
                const Var key = embed_sum(t, table, keys, scale), value = embed_sum(t, table, values, scale);
                Var state = t.parameter(query);
                const auto read = [&](Var k, Var v, const Segments& segments, const LookupBias& bias = {}) {
                    state = add(state, attend(state, k, v, segments, {}, bias).read);
                };
                const Segments own{one_each, slots};
                for (int hop = 0; hop < 5; ++hop) read(key, value, own);  // more terms than are gone through at once
                if (use == 1) read(key, value, {one_each, others});
                if (use == 2) read(key, value, {one, all});
                if (use == 3) read(value, value, own);
                if (use == 4) read(key, value, own, {.scale = t.parameter(factor)});
                if (use == 5) state = add(state, slice_rows(value, 1, 3));
                if (use == 6) return concat_rows(std::vector<Var>{state, activate(key, Activation::tanh)});
                return state;
            });
        }
}

TEST_CASE("embedded keys have the right gradients when they are read in other ways too", "[ops]") {
    const Ragged<Token> some = bags({{0, 1}, {2, 2}, {3, 4, 1}});
    const std::vector<Index> one_each{0, 1}, slots{0, 3}, three{0, 1, 2, 3}, places{0, 1, 2};
    const Segments own{one_each, slots}, each{three, three};
    for (const Index width : {1, 6})
        for (const int use : {0, 1, 2, 3, 4, 5, 6, 7}) {
            if (use == 3 && width > 1) continue;
            CAPTURE(width, use);
            Parameters p;
            Parameter &table = p.add("table", normal(5, width, 1)), &question = p.add("q", normal(1, width, 2));
            check_gradients(p, [&](Tape& t) {
                const Var k = embed_sum(t, table, some, BagScale::sum), q = t.parameter(question);
                AttendOptions options;
                switch (use) {
                    case 0:  // a question among the slots
                        return attend(slice_rows(k, 0, 1), k, k, own, {}).read;
                    case 1:
                        return attend(k, k, k, each, {}).read;
                    case 2:
                        return attend(q, k, slice_rows(k, 0, 3), own, {}).read;
                    case 3:
                        return attend(q, k, k, own, {}, {.slot = k}).read;
                    case 4:  // the weights first, as they are used for answers
                        return concat_rows(std::vector<Var>{
                            attend(q, k, k, own, {}).read,
                            reshape(scatter_sum(attend_weights(q, k, own, {}), places, 1, width * 3), 3, width)});
                    case 5:
                        options.heads = width;
                        return attend(q, k, k, own, options).read;
                    case 6:
                        options.similarity = Similarity::cosine;
                        return attend(q, k, k, own, options).read;
                    default:
                        options.normalizer = Normalizer::sparsemax;
                        return attend(q, slice_rows(k, 0, 3), k, own, options).read;
                }
            });
        }
}

TEST_CASE("a low-rank gradient can be materialised", "[ops]") {
    const Ragged<Token> some = bags({{0, 1}, {2}, {1}});
    const std::vector<Index> one_each{0, 1}, slots{0, 3};
    Parameters p;
    const Parameter& table = p.add("table", normal(3, 20, 1));
    const Matrix query = normal(1, 20, 2);
    Tape t;
    const Var key = embed_sum(t, table, some, BagScale::sum);
    // A copy of the keys has a gradient that is materialised.
    const Var copy = scale(key, 1), state = t.constant(query);
    const Var outer = sum(attend(state, key, key, {one_each, slots}, {}).read),
              written = sum(attend(state, copy, copy, {one_each, slots}, {}).read);
    t.backward(outer);
    Matrix from_outer(3, 20);
    std::ranges::copy(key.grad().span(), from_outer.data());
    t.backward(written);
    CHECK(test::distance(from_outer, key.grad()) < 1e-5);
    CHECK(test::distance(from_outer, Matrix(3, 20)) > 0.1);
    t.backward(outer);
    t.backward(outer);
    CHECK(test::same_bits(from_outer, key.grad()));
    CHECK(test::distance(copy.grad(), Matrix(3, 20)) == 0);
    // Dropout of weights is not theirs, but that of the read.
    AttendOptions dropping;
    dropping.dropout = 0.5;
    const Lookup dropped = attend(state, key, key, {one_each, slots}, dropping);
    t.backward(sum(dropped.read));
    Matrix weights(3, 1);
    for (Index s = 0; s < 3; ++s) weights(s, 0) = key.grad()(s, 0);
    CHECK(test::distance(weights, Matrix(3, 1)) > 0);
}

TEST_CASE("the gradient of a pass stays when the parameters change", "[ops]") {
    const Ragged<Token> some = bags({{0, 1}, {2}, {1}});
    const std::vector<Index> one_each{0, 1}, slots{0, 3};
    Parameters p;
    Parameter &table = p.add("table", normal(3, 20, 1)), &query = p.add("query", normal(1, 20, 2));
    const auto gradient = [&](bool change) {
        Tape t;
        const Var key = embed_sum(t, table, some, BagScale::sum);
        t.backward(sum(attend(t.parameter(query), key, key, {one_each, slots}, {}).read));
        const Matrix before = query.value;
        if (change) query.value.fill(100);
        Matrix grad(3, 20);
        std::ranges::copy(key.grad().span(), grad.data());
        query.value = before;
        return grad;
    };
    CHECK(test::same_bits(gradient(false), gradient(true)));
}

TEST_CASE("a matrix accepts a low-rank gradient only where its operation can use it", "[ops]") {
    const Ragged<Token> some = bags({{0, 1}, {2}, {1}});
    const std::vector<Index> offsets{0, 3}, others{0, 1, 3};
    Parameters p;
    const Parameter& table = p.add("table", normal(3, 2, 1));
    const Matrix weight = normal(3, 1, 2), row = normal(1, 2, 3);
    Tape t;
    const Var key = embed_sum(t, table, some, BagScale::sum), twice = scale(key, 2);
    const OuterProducts::Term term{weight.view().span(), row};
    CHECK_FALSE(LowRankGrad::accepts(key, offsets));  // there was no backward pass
    t.backward(sum(twice));
    CHECK_FALSE(LowRankGrad::accepts(key, offsets));  // it is materialised
    CHECK_THROWS_AS(LowRankGrad::add(key, offsets, term), Error);
    t.backward(sum(key));
    CHECK_FALSE(LowRankGrad::accepts(twice, offsets));
    const Matrix wrong = normal(2, 2, 3);
    Matrix grad(3, 2);
    const auto refused = [&](const OuterProducts::Term& bad) {
        CHECK_THROWS_AS(add_outer_products({offsets, std::span(&bad, 1)}, grad), Error);
    };
    refused({weight.view().span(), wrong});
    refused({weight.view().span().first(2), row});
    CHECK(test::distance(grad, Matrix(3, 2)) == 0);
}

TEST_CASE("a bilinear lookup is one of a projected query", "[ops]") {
    Parameters p;
    Parameter &query = p.add("query", normal(3, 5, 1)), &key = p.add("key", normal(7, 4, 2)),
              &map = p.add("map", normal(4, 5, 3));
    const auto q = offsets({1, 2}), s = offsets({4, 3});
    const auto read = [&](Tape& t) {
        const Var keys = t.parameter(key);
        return attend(linear(t.parameter(query), t.parameter(map)), keys, keys, {q, s}).read;
    };
    check_gradients(p, read);
}

TEST_CASE("attend with one matrix as query, key and value has the right gradient", "[ops]") {
    Parameters p;
    Parameter& x = p.add("x", normal(5, 4, 1));
    const auto rows = offsets({3, 2});
    check_gradients(p, [&](Tape& t) {
        const Var v = t.parameter(x);
        return attend(v, v, v, {rows, rows}, {.heads = 2}).read;
    });
    const Matrix fixed = normal(5, 4, 2);
    check_gradients(p, [&](Tape& t) {
        return attend(t.constant(fixed), t.constant(fixed), t.parameter(x), {rows, rows}).read;
    });
}

TEST_CASE("cross_entropy has the right gradient with exclusions and rows without a target", "[ops]") {
    Parameters p;
    Parameter& scores = p.add("scores", normal(3, 4, 1));
    Ragged<Index> excluded;
    excluded.push_row(std::vector<Index>{1, 3});
    excluded.push_row({});
    excluded.push_row(std::vector<Index>{0});
    for (const std::vector<Index>& targets : {std::vector<Index>{0, 3, 2}, {2, -1, 1}, {-1, -1, -1}}) {
        check_gradients(p, [&](Tape& t) { return cross_entropy(t.parameter(scores), targets); });
        check_gradients(p, [&](Tape& t) { return cross_entropy(t.parameter(scores), targets, excluded); });
        check_gradients(p, [&](Tape& t) { return cross_entropy(t.parameter(scores), targets, excluded, 0.2); });
    }
}

TEST_CASE("one parameter may be a table and a matrix in the same pass", "[ops]") {
    Parameters p;
    Parameter& table = p.add("table", normal(4, 3, 1));
    // All rows are touched one by one, in another order than their own.
    const Ragged<Token> words = bags({{3, 1}, {2, 0, 0}});
    check_gradients(
        p, [&](Tape& t) { return dot_scores(embed_sum(t, table, words, BagScale::mean), t.parameter(table)); });
    check_gradients(p, [&](Tape& t) {
        const Var whole = t.parameter(table);
        return dot_scores(embed_sum(t, table, words, BagScale::mean), whole);
    });
}

TEST_CASE("an operation that refuses its input leaves the tape as it was", "[ops]") {
    constexpr Index one = 1;
    Parameters p;
    Parameter &x = p.add("x", normal(2, 3, 1)), &narrow = p.add("narrow", normal(2, 2, 2));
    Tape t;
    const Var v = t.parameter(x), w = t.parameter(narrow);
    const Var loss = sum(multiply(v, v));
    const auto wrong = offsets({1, 2}), right = offsets({1, 1});
    CHECK_THROWS_AS(linear(v, w), Error);
    CHECK_THROWS_AS(linear(v, v, w), Error);
    CHECK_THROWS_AS(dot_scores(v, w), Error);
    CHECK_THROWS_AS(add(v, w), Error);
    CHECK_THROWS_AS(subtract(v, w), Error);
    CHECK_THROWS_AS(multiply(v, w), Error);
    CHECK_THROWS_AS(mean_squared_error(v, w), Error);
    CHECK_THROWS_AS(segment_mean(v, wrong), Error);
    CHECK_THROWS_AS(segment_mean(v, {}), Error);
    CHECK_THROWS_AS(dropout(v, 1), Error);
    CHECK_THROWS_AS(dropout(v, -0.5), Error);
    CHECK_THROWS_AS(layer_norm(v, w, w), Error);
    CHECK_THROWS_AS(attend(v, v, v, {wrong, right}), Error);
    CHECK_THROWS_AS(attend(v, w, v, {right, right}), Error);
    CHECK_THROWS_AS(attend(v, v, v, {right, right}, {.heads = -1}), Error);
    CHECK_THROWS_AS(attend(v, v, v, {right, right}, {}, {.slot = v}), Error);
    CHECK_THROWS_AS(attend(v, v, v, {right, right}, {}, {.scale = v}), Error);
    CHECK_THROWS_AS(attend_weights(v, w, {right, right}), Error);
    CHECK_THROWS_AS(cross_entropy(v, std::span(&one, 1)), Error);
    CHECK_THROWS_AS(cross_entropy(v, right, {}, 1), Error);
    CHECK_THROWS_AS(embed_sum(t, x, bags({{0}, {2}}), BagScale::sum), Error);
    const std::vector<Index> beyond{1, 1};
    const std::vector<Token> no_row{0, 2};
    const std::array<SentenceTables, 1> tables{{{&x, &x}}};
    CHECK_THROWS_AS(embed_sentences(t, x, bags({{0}, {2}}), {}), Error);
    CHECK_THROWS_AS(embed_sentences(t, x, bags({{0}, {0, 1}}), {x.value, beyond}), Error);
    CHECK_THROWS_AS(embed_sentences(t, tables, bags({{0}, {1}}), {}, no_row), Error);
    CHECK_THROWS_AS(embed_sentences(t, tables, bags({{0}, {1}}), {}, std::span(no_row).first(1)), Error);
    const Var total = add(loss, sum(v));
    t.backward(total);
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 3; ++j) CHECK(t.find_gradient(x)->find(i)[j] == Approx(2 * x.value(i, j) + 1));
}

TEST_CASE("attend_weights has the right gradient, with heads, causal order and segments without slots", "[ops]") {
    const auto queries = offsets({2, 0, 1, 3}), slots = offsets({3, 2, 0, 4});
    for (const bool causal : {false, true}) {
        Parameters p;
        Parameter &q = p.add("query", normal(6, 4, 1)), &k = p.add("key", normal(9, 4, 2));
        const AttendOptions options{.heads = 2, .scale = Real{0.7}, .causal = causal};
        const Segments segments{queries, slots};
        check_gradients(p, [&](Tape& t) {
            const Var query = t.parameter(q), key = t.parameter(k);
            return attend_weights(query, key, segments, options);
        });
    }
}

TEST_CASE("scatter_sum has the right gradient and drops what goes nowhere", "[ops]") {
    Parameters p;
    Parameter& x = p.add("x", normal(5, 1, 1));
    const std::vector<Index> places{3, -1, 0, 3, 5};
    check_gradients(p, [&](Tape& t) { return scatter_sum(t.parameter(x), places, 2, 3); });
    Tape tape;
    const Var out = scatter_sum(tape.parameter(x), places, 2, 3);
    CHECK(out.value()(1, 0) == Approx(x.value(0, 0) + x.value(3, 0)));
    CHECK(out.value()(0, 0) == x.value(2, 0));
    CHECK(out.value()(0, 1) == 0);
    CHECK_THROWS_AS(scatter_sum(tape.parameter(x), places, 1, 3), Error);
    CHECK_THROWS_AS(scatter_sum(tape.parameter(x), std::span(places).first(4), 2, 3), Error);
    CHECK_THROWS_AS(scatter_sum(tape.parameter(x), places, -2, -3), Error);
    CHECK_THROWS_AS(scatter_sum(tape.parameter(x), places, Index{1} << 33, (Index{1} << 33) + 1), Error);
}

TEST_CASE("log1p has the right gradient", "[ops]") {
    Parameters p;
    Parameter& x = p.add("x", normal(3, 4, 1));
    for (Real& v : x.value.view().span()) v = std::abs(v);
    check_gradients(p, [&](Tape& t) { return activate(scale(t.parameter(x), 3), Activation::log1p); });
}

TEST_CASE("large embeddings have the formula's gradients, and the same bits on any number of threads", "[ops]") {
    const Index rows = 3000, width = 20, count = 9000;
    Parameters p;
    Parameter &first = p.add("A", normal(rows, width, 1)), &second = p.add("B", normal(rows, width, 2)),
              &places = p.add("T", normal(7, width, 3)), &other = p.add("U", normal(7, width, 4));
    second.frozen.assign(static_cast<std::size_t>(rows), false);
    second.frozen[5] = true;
    Ragged<Token> all;
    std::vector<Token> start;
    std::vector<Index> of_place;
    Rng rng(6);
    for (Index i = 0; i < count; ++i) {
        for (Index n = i < count - 50 ? rng.below(6) : 0; n > 0; --n)
            all.values.push_back(static_cast<Token>(rng.below(rng.below(2) == 0 ? 10 : rows)));
        all.end_row();
        start.push_back(static_cast<Token>(rng.below(7)));
        of_place.push_back(rng.below(2));
    }
    const Matrix factors = normal(7, width, 7), weight = normal(3 * count, width, 8);
    const std::array<SentenceTables, 2> tables{{{&first, &places}, {&second, &other}}};
    const auto weight_of = [&](Index part) { return weight.view().middle_rows(part * count, count); };
    Matrix expected(rows, width), expected_second(rows, width);
    for (Index i = 0; i < count; ++i)
        for (Index j = 0; j < std::ssize(all[i]); ++j)
            for (Index k = 0; k < width; ++k) {
                const Token token = all[i][static_cast<std::size_t>(j)];
                const Real by = factors(of_place[static_cast<std::size_t>(i)] + j, k);
                expected(token, k) += by * weight_of(0)(i, k) + weight_of(2)(i, k) / static_cast<Real>(all[i].size());
                if (token != 5) expected_second(token, k) += by * weight_of(1)(i, k);
            }
    std::vector<Matrix> one;  // thread's gradients
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        Tape t;
        const std::vector<Var> both = embed_sentences(t, tables, all, {factors, of_place}, start);
        const Var mean = embed_sum(t, first, all, BagScale::mean);
        const auto weighted = [&](Var x, Index part) { return sum(multiply(x, t.constant(weight_of(part)))); };
        t.backward(add(add(weighted(both[0], 0), weighted(both[1], 1)), weighted(mean, 2)));
        CHECK(t.find_gradient(second)->find(5) == nullptr);
        std::vector<Matrix> got;
        for (const Parameter* table : {&first, &second, &places, &other}) {
            Matrix grad(table->value.rows(), width);
            std::copy_n(t.gradient(*table).dense().data, grad.size(), grad.data());
            got.push_back(std::move(grad));
        }
        if (one.empty()) one = got;
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(test::same_bits(got[i], one[i]));
    }
    CHECK(test::distance(one[0], expected) < 1e-9);
    CHECK(test::distance(one[1], expected_second) < 1e-9);
}

TEST_CASE("a frozen row has no gradient from embed_sum", "[ops]") {
    Parameters p;
    Parameter& table = p.add("table", normal(3, 2, 1));
    table.frozen = {false, true, false};
    Tape tape;
    tape.backward(sum(embed_sum(tape, table, bags({{0, 1}, {1, 2}}), BagScale::sum)));
    CHECK(tape.gradient(table).find(0) != nullptr);
    CHECK(tape.gradient(table).find(1) == nullptr);
    CHECK(tape.gradient(table).find(2) != nullptr);
}
