// Masks that are large finite numbers, and scores as large.
#include "kvmem/core/error.hpp"
#include "support/lookup_case.hpp"

#include <cmath>
#include <limits>

using namespace kvmem;
using test::normal;
using Case = test::LookupCase;

namespace {

constexpr Real infinity = std::numeric_limits<Real>::infinity(), lowest = std::numeric_limits<Real>::lowest();

// The sums of the weights that the backward pass recomputes, from the gradient of values of 1, and their differences.
void check_even(const Case& c, const AttendOutput& out, Index readable) {
    Arena scratch;
    Matrix query(c.query.rows(), c.query.cols()), key(c.key.rows(), c.key.cols()),
        value(c.value.rows(), c.value.cols()), ones(c.read.rows(), c.read.cols());
    ones.fill(1);
    attend_backward(c.input(), c.segments(), c.options, out, ones, {.query = query, .key = key, .value = value},
                    scratch);
    const double even = static_cast<double>(c.query.rows()) / static_cast<double>(readable);
    for (Index s = 0; s < value.rows(); ++s)
        for (Index j = 0; j < value.cols(); ++j)
            REQUIRE(value(s, j) ==
                    Approx(c.slot_bias.size() && c.slot_bias(s, 0) == -infinity ? 0 : even).epsilon(1e-4));
    for (const Real x : query.view().span()) REQUIRE(std::isfinite(x));
}

// Every way to read and to go back where all readable slots have the same weight.
void check_means(Case& c, Index readable, double log_sum_exp) {
    std::vector<double> mean(static_cast<std::size_t>(c.value.cols()));
    for (Index s = 0; s < c.value.rows(); ++s)
        for (std::size_t j = 0; j < mean.size(); ++j)
            if (!c.slot_bias.size() || c.slot_bias(s, 0) != -infinity)
                mean[j] += double{c.value(s, static_cast<Index>(j))} / static_cast<double>(readable);
    const auto check = [&](const Case& done) {
        for (Index q = 0; q < done.read.rows(); ++q) {
            for (std::size_t j = 0; j < mean.size(); ++j)
                REQUIRE(done.read(q, static_cast<Index>(j)) == Approx(mean[j]).margin(1e-4));
            REQUIRE(done.log_sum_exp(q, 0) == Approx(log_sum_exp).epsilon(1e-6));
        }
    };
    Arena arena;
    c.run();
    check(c);
    check_even(c, c.output(), readable);
    const auto scores = arena.take<Real>(saved_score_count(c.segments(), c.options));
    Case saved = c;
    attend(c.input(), c.segments(), c.options, {saved.read, saved.log_sum_exp, {}, scores}, arena);
    check(saved);
    check_even(saved, {saved.read, saved.log_sum_exp, {}, scores}, readable);
    Case weighted = c.saving();
    check(weighted);
    check_even(weighted, {weighted.read, weighted.log_sum_exp, weighted.weights}, readable);
    const Case twin = c.oracle();
    check(twin);
}

}  // namespace

TEST_CASE("slots that are all masked by one finite number are read evenly, and so are their gradients", "[attend]") {
    for (const Real mask : {-1e9f, -1e30f, -2e38f, lowest})
        for (const Index queries : {1, 3, 8, 64, 70})
            for (const Index slots : {1, 96, 600})
                for (const bool by_pair : {false, true}) {
                    Case c({queries}, {slots}, 1, 4, 3, 1, 0);  // the products are 0, as they are beside the mask
                    (by_pair ? c.pair_bias : c.slot_bias) = Matrix(by_pair ? queries * slots : slots, 1);
                    (by_pair ? c.pair_bias : c.slot_bias).fill(mask);
                    CAPTURE(mask, queries, slots, by_pair);
                    check_means(c, slots, double{mask});
                }
}

TEST_CASE("two finite masks on one slot do not become -inf", "[attend]") {
    for (const Index queries : {1, 40}) {
        Case c({queries}, {50}, 1, 4, 3, 1, 0);
        c.slot_bias = Matrix(50, 1);
        c.pair_bias = Matrix(queries * 50, 1);
        c.slot_bias.fill(lowest);
        c.pair_bias.fill(lowest);
        c.run();
        for (Index q = 0; q < queries; ++q) CHECK(c.log_sum_exp(q, 0) == lowest);
        check_even(c, c.output(), 50);
        check_even(c, c.saving().output(), 50);
    }
}

TEST_CASE("a finite mask hides a slot beside others, and -inf hides it from a finite mask", "[attend]") {
    for (const Real mask : {Real{-1e9}, lowest})
        for (const Index queries : {1, 3, 40}) {
            Case c({queries}, {200}, 1, 4, 3, 1);
            c.slot_bias = Matrix(200, 1);
            for (Index s = 50; s < 200; ++s) c.slot_bias(s, 0) = mask;
            Case hidden = c;
            for (Index s = 50; s < 200; ++s) hidden.slot_bias(s, 0) = -infinity;
            c.run();
            hidden.run();
            test::check_close(c.read, hidden.read, 1e-6);
            test::check_close(c.log_sum_exp, hidden.log_sum_exp, 1e-6);
            test::check_against_oracle(c);
            // Some are masked by -inf, and all others by the number.
            Case rest({queries}, {200}, 1, 4, 3, 1, 0);
            rest.slot_bias = Matrix(200, 1);
            for (Index s = 0; s < 200; ++s) rest.slot_bias(s, 0) = s % 3 == 0 ? -infinity : mask;
            check_means(rest, 133, double{mask});
        }
}

TEST_CASE("a bias of -inf masks whatever number the other has", "[attend]") {
    for (const Index queries : {1, 3, 40})
        for (const Real other : {Real{0}, Real{-1e9}, lowest}) {
            Case c({queries}, {200}, 1, 4, 3, 1);
            c.slot_bias = Matrix(200, 1);
            c.pair_bias = Matrix(queries * 200, 1);
            c.slot_bias.fill(-infinity);
            c.pair_bias.fill(other);
            c.run();
            CHECK(c.read(queries - 1, 0) == 0);
            CHECK(c.log_sum_exp(queries - 1, 0) == -infinity);
            // Every slot by one of the two, but for one.
            for (Index s = 0; s < 200; ++s) c.slot_bias(s, 0) = s % 2 == 0 ? -infinity : other;
            for (Index i = 0; i < c.pair_bias.rows(); ++i) c.pair_bias(i, 0) = i % 2 == 1 ? -infinity : other;
            c.run();
            CHECK(c.log_sum_exp(0, 0) == -infinity);
            c.pair_bias(7, 0) = 0;
            c.slot_bias(7, 0) = 0;
            test::check_against_oracle(c);
            CHECK(c.read(0, 0) == Approx(c.value(7, 0)));
        }
}

TEST_CASE("parts of a long memory that is masked by a finite number merge by how many slots they have", "[attend]") {
    for (const Real mask : {Real{-1e9}, lowest})
        for (const Index queries : {1, 5, 8}) {
            Case c({queries}, {30000}, 1, 8, 1, 1, 0);
            for (Index s = 0; s < 30000; ++s) c.value(s, 0) = static_cast<Real>(s % 5);
            c.slot_bias = Matrix(30000, 1);
            Index readable = 0;
            for (Index s = 0; s < 30000; ++s) {
                const bool hidden = s > 2000 && s < 29000 && s % 7 != 0;  // the parts have unlike numbers of slots
                c.slot_bias(s, 0) = hidden ? -infinity : mask;
                readable += !hidden;
            }
            CAPTURE(mask, queries);
            check_means(c, readable, double{mask});
        }
}

TEST_CASE("a causal lookup under a finite mask reads the slots before it evenly", "[attend]") {
    for (const Real mask : {Real{-1e9}, lowest})
        for (const bool saved : {false, true}) {
            Case c({70}, {70}, 1, 4, 1, 1, 0);
            c.options.causal = true;
            for (Index s = 0; s < 70; ++s) c.value(s, 0) = static_cast<Real>(s);
            c.slot_bias = Matrix(70, 1);
            c.slot_bias.fill(mask);
            Arena arena;
            const auto scores = arena.take<Real>(saved ? saved_score_count(c.segments(), c.options) : 0);
            const AttendOutput out{c.read, c.log_sum_exp, {}, scores};
            attend(c.input(), c.segments(), c.options, out, arena);
            for (Index q = 0; q < 70; ++q) CHECK(c.read(q, 0) == Approx(static_cast<double>(q) / 2).margin(1e-4));
            Matrix value(70, 1), ones(70, 1);
            ones.fill(1);
            attend_backward(c.input(), c.segments(), c.options, out, ones, {.value = value}, arena);
            double expected = 0;
            for (Index s = 69; s >= 0; --s) {
                expected += 1 / static_cast<double>(s + 1);
                CHECK(value(s, 0) == Approx(expected).epsilon(1e-4));
            }
        }
}

TEST_CASE("a memory of 16 bits under a bias as large as a float allows is read evenly", "[attend]") {
    for (const Index queries : {1, 40}) {
        // Slopes are the only bias there.
        const std::vector<Bfloat16> key(200, Bfloat16(0.0f)), value(200, Bfloat16(2.0f));
        const Matrix query(queries, 4);
        Matrix read(queries, 4), log_sum_exp(queries, 1);
        const Real slopes[] = {1e36f};
        const auto rows = test::offsets({queries}), slots = test::offsets({50});
        Arena arena;
        attend(query, {key.data(), 50, 4}, {value.data(), 50, 4}, {rows, slots}, {.slopes = slopes},
               {read, log_sum_exp}, arena);
        for (Index q = 0; q < queries; ++q) CHECK(read(q, 0) == 2);
    }
}

TEST_CASE("weights of large scores sum to one in the backward pass, whether scores are saved or not", "[attend]") {
    for (const Real size : {Real{30}, Real{300}, Real{3000}, Real{1e6}})
        for (const bool saved : {false, true}) {
            Case c({70}, {300}, 2, 3, 4, 1);
            for (Real& x : c.query.view().span()) x = size * (1 + x / 1000);
            for (Real& x : c.key.view().span()) x = size * (1 + x / 1000);
            Arena arena;
            const auto scores = arena.take<Real>(saved ? saved_score_count(c.segments(), c.options) : 0);
            const AttendOutput out{c.read, c.log_sum_exp, {}, scores};
            attend(c.input(), c.segments(), c.options, out, arena);
            Matrix value(300, 8), ones(70, 8);
            ones.fill(1);
            attend_backward(c.input(), c.segments(), c.options, out, ones, {.value = value}, arena);
            for (Index j = 0; j < 8; ++j) {
                double sum = 0;
                for (Index s = 0; s < 300; ++s) sum += double{value(s, j)} / 70;
                CAPTURE(size, saved, j);
                CHECK(sum == Approx(1).margin(2e-4));
            }
        }
}

TEST_CASE("queries alone have the bits of a call of their own with the slots that the causal mask leaves", "[attend]") {
    for (const Index length : {1, 5, 40, 130, 1100, 2100})
        for (const Index width : {8, 20, 64}) {
            if (length > 1000 && width > 8) continue;  // two and three blocks, at a width that costs little
            CAPTURE(length, width);
            Case whole({2, length}, {2, length}, 2, width, width, 1);
            whole.options.causal = whole.options.alone = true;
            whole.options.scale = inverse_sqrt(width);
            whole.run();
            test::check_close(whole.read, whole.oracle().read, 2e-5);
            for (const Index last : {Index{0}, length / 2, length - 1}) {
                const auto rows = [&](const Matrix& m, Index first, Index count) {
                    return m.view().middle_rows(2 + first, count);
                };
                Matrix read(1, 2 * width), log_sum_exp(1, 2);
                const OwnedSegments one = Segments::all(1, last + 1);
                Arena scratch;
                attend({rows(whole.query, last, 1), rows(whole.key, 0, last + 1), rows(whole.value, 0, last + 1)}, one,
                       whole.options, {read, log_sum_exp}, scratch);
                CHECK(test::same_bits(read, rows(whole.read, last, 1)));
            }
        }
}

TEST_CASE("biases of distances are the biases of pairs at those distances", "[attend]") {
    for (const CausalAlignment alignment : {CausalAlignment::ends, CausalAlignment::starts})
        for (const bool causal : {false, true}) {
            const std::vector<Index> queries{3, 70, 0, 9}, slots{5, 40, 7, 9};
            Case pairs(queries, slots, 3, 5, 4, 1);
            pairs.options.alignment = alignment;
            pairs.options.causal = causal;
            Case distances = pairs;
            const Index reach = 80, heads = 3;
            const Matrix table = test::normal(2 * reach + 1, heads, 9);
            pairs.pair_bias = Matrix(weight_count(pairs.segments(), heads), 1);
            std::vector<Index> row_of;  // of each pair
            for (std::size_t i = 0; i < queries.size(); ++i)
                for (Index q = 0; q < queries[i]; ++q)
                    for (Index h = 0; h < heads; ++h)
                        for (Index s = 0; s < slots[i]; ++s) {
                            const Index place = alignment == CausalAlignment::ends ? q + slots[i] - queries[i] : q;
                            pairs.pair_bias(std::ssize(row_of), 0) = table(reach + place - s, h);
                            row_of.push_back((reach + place - s) * heads + h);
                        }
            pairs.run();
            test::check_close(pairs.read, pairs.oracle().read, 2e-5);
            const AttendInput input{
                .query = distances.query, .key = distances.key, .value = distances.value, .distance_bias = table};
            Arena scratch;
            attend(input, distances.segments(), distances.options, distances.output(), scratch);
            CHECK(test::same_bits(distances.read, pairs.read));
            naive::attend(input, distances.segments(), distances.options, distances.output());
            test::check_close(distances.read, pairs.read, 2e-5);

            const Matrix grad = test::normal(pairs.read.rows(), pairs.read.cols(), 10);
            Matrix of_pairs(pairs.pair_bias.rows(), 1), of_distances(table.rows(), heads), expected = of_distances;
            pairs.back(grad, {.pair_bias = of_pairs});
            for (std::size_t i = 0; i < row_of.size(); ++i) expected.data()[row_of[i]] += of_pairs.data()[i];
            attend_backward(input, pairs.segments(), pairs.options, pairs.output(), grad,
                            {.distance_bias = of_distances}, scratch);
            test::check_close(of_distances, expected, 1e-4);
            const AttendInput near{.query = distances.query,
                                   .key = distances.key,
                                   .value = distances.value,
                                   .distance_bias = table.view().middle_rows(0, 101)};
            CHECK_THROWS_AS(check_attend(near, distances.segments(), distances.options), Error);
        }
}

TEST_CASE("a causal mask that is aligned at the starts hides the slots behind a query's number", "[attend]") {
    Case c({3, 90}, {70, 8}, 2, 4, 4, 1);
    c.options.causal = true;
    c.options.alignment = CausalAlignment::starts;
    test::check_against_oracle(c);
    for (Index h = 0; h < 2; ++h) CHECK(c.weights[h * 70 + 1] == 0);
    c.slopes = {Real{0.5}, 2};
    c.options.slopes = c.slopes;
    c.options.window = 3;
    test::check_against_oracle(c);
}

TEST_CASE("a softcap bends scores before biases and masks", "[attend]") {
    for (const Index queries : {1, 40}) {
        Case c({queries}, {50}, 2, 8, 4, 1, 3);
        c.options.softcap = 4;
        c.options.causal = queries == 40;
        c.slot_bias = test::normal(50, 1, 5);
        test::check_against_oracle(c);
        c.options.similarity = Similarity::cosine;
        CHECK_THROWS_AS(c.run(), Error);
    }
}
