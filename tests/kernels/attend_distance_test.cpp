// Euclidean lookups wherever their points lie.
#include "kvmem/core/parallel.hpp"
#include "support/lookup_case.hpp"

#include <cmath>

using namespace kvmem;
using test::check_against_oracle;
using test::check_close;
using test::normal;
using test::same_bits;
using Case = test::LookupCase;

namespace {

// Points at sixteenths, which stay what they are up to 2^20 from the origin.
Case distances(const std::vector<Index>& queries, const std::vector<Index>& slots, Index heads, Index groups, Index d) {
    Case c(queries, slots, heads, d, 5, 3);
    c.options.similarity = Similarity::euclidean;
    c.options.key_heads = groups;
    c.options.scale = static_cast<Real>(0.5);
    c.key = normal(c.key.rows(), groups * d, 4);
    c.value = normal(c.key.rows(), groups * 5, 5);
    for (Matrix* m : {&c.query, &c.key})
        for (Real& x : m->view().span()) x = std::round(16 * x) / 16;
    return c;
}

// Every segment to a place of its own.
Case moved(const Case& c, Real by) {
    Case far = c;
    const auto move = [&](Matrix& m, const std::vector<Index>& offsets) {
        for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
            for (Index row = offsets[i]; row < offsets[i + 1]; ++row)
                for (Index j = 0; j < m.cols(); ++j) m(row, j) += (i % 2 == 0 ? by : -by / 2);
    };
    move(far.query, c.query_offsets);
    move(far.key, c.slot_offsets);
    return far;
}

struct Gradients {
    Matrix query, key, value, slot_bias;
    Real scale = 0;

    Gradients(Case& c, std::span<Real> weights)
        : query(c.query.rows(), c.query.cols()),
          key(c.key.rows(), c.key.cols()),
          value(c.value.rows(), c.value.cols()),
          slot_bias(c.slot_bias.rows(), c.slot_bias.cols()) {
        Arena scratch;
        AttendOutput out{c.read, c.log_sum_exp, weights};
        if (!saves_weights(c.segments(), c.options) && weights.empty())
            out.scores = scratch.take<Real>(saved_score_count(c.segments(), c.options));
        attend(c.input(), c.segments(), c.options, out, scratch);
        const Matrix grad_read = normal(c.read.rows(), c.read.cols(), 9);
        attend_backward(c.input(), c.segments(), c.options, out, grad_read,
                        {.query = query, .key = key, .value = value, .slot_bias = slot_bias, .scale = &scale}, scratch);
    }
};

void check_same_gradients(Case& a, Case& b, bool weights) {
    std::vector<Real> room(static_cast<std::size_t>(weights ? weight_count(a.segments(), a.options.heads) : 0));
    const Gradients of_a(a, room), of_b(b, room);
    check_close(of_a.query, of_b.query, 3e-4);
    check_close(of_a.key, of_b.key, 3e-4);
    check_close(of_a.value, of_b.value, 3e-4);
    check_close(of_a.slot_bias, of_b.slot_bias, 3e-4);
    CHECK(of_a.scale == Approx(of_b.scale).epsilon(1e-3).margin(1e-3));
}

}  // namespace

TEST_CASE("a Euclidean lookup does not change when queries and keys move together", "[attend]") {
    const std::vector<std::pair<std::vector<Index>, std::vector<Index>>> shapes{
        {{1}, {2}}, {{2, 1}, {150, 3}}, {{64}, {100}}, {{70, 9, 3}, {600, 40, 0}}, {{1}, {20000}}, {{7, 0}, {9000, 4}}};
    for (const auto& [queries, slots] : shapes)
        for (const Index heads : {1, 4})
            for (const Index width : {1, 3, 32}) {
                if (slots.front() > 600 && width > 3) continue;  // costs most, and is no other code
                Case here = distances(queries, slots, heads, heads == 4 ? 2 : 1, width);
                if (width == 3) here.slot_bias = normal(here.key.rows(), heads, 6);
                here.options.causal = width == 1;
                CAPTURE(queries, slots, heads, width);
                for (const Real by : {Real{300}, Real{524288}}) {
                    Case far = moved(here, by);
                    check_against_oracle(far, 5e-5);
                    here.run();
                    check_close(far.read, here.read, 5e-5);
                    check_close(far.log_sum_exp, here.log_sum_exp, 5e-5);
                    for (const bool weights : {false, true}) check_same_gradients(far, here, weights);
                }
            }
}

TEST_CASE("every normalizer of Euclidean scores is the same far from the origin", "[attend]") {
    for (const Normalizer normalizer :
         {Normalizer::softmax, Normalizer::sparsemax, Normalizer::entmax15, Normalizer::top_k})
        for (const Index queries : {1, 40}) {
            Case here = distances({queries}, {120}, 2, 2, 3);
            here.options.normalizer = normalizer;
            here.options.top_k = 7;
            Case far = moved(here, 524288);
            check_against_oracle(far, 5e-5);
            check_same_gradients(far, here, true);
        }
}

TEST_CASE("Euclidean lookups are right where the points are far from each other too", "[attend]") {
    for (const Index queries : {1, 5, 6, 7, 70}) {
        Case near = distances({queries}, {300}, 2, 1, 3), far = near;
        // Slots of three places, and a query at each: the other places have no weight.
        for (Index q = 0; q < queries; ++q)
            for (Index j = 0; j < 6; ++j) far.query(q, j) += static_cast<Real>(q % 3 * 262144);
        for (Index s = 0; s < 300; ++s)
            for (Index j = 0; j < 3; ++j) far.key(s, j) += static_cast<Real>(s % 3 * 262144);
        // The same near the origin, where a bias keeps places apart.
        near.pair_bias = Matrix(queries * 300, 1);
        for (Index i = 0; i < near.pair_bias.rows(); ++i)
            near.pair_bias(i, 0) = i / 300 % 3 == i % 300 % 3 ? 0 : -std::numeric_limits<Real>::infinity();
        CAPTURE(queries);
        check_against_oracle(far, 5e-5);
        near.run();
        check_close(far.read, near.read, 5e-5);
        for (const bool weights : {false, true}) check_same_gradients(far, near, weights);
    }
}

TEST_CASE("a NaN among the keys of one segment leaves the reads of others as they are", "[attend]") {
    for (const Index queries : {1, 30}) {
        Case c = moved(distances({queries, queries}, {40, 50}, 1, 1, 3), 524288);
        c.key(3, 1) = test::not_a_number;
        c.run();
        CHECK(std::isnan(c.read(0, 0)));
        const Case twin = c.oracle();
        for (Index q = queries; q < 2 * queries; ++q) CHECK(c.read(q, 0) == Approx(twin.read(q, 0)).margin(5e-5));
    }
}

TEST_CASE("distances far from the origin have the same bits on any number of threads", "[attend]") {
    for (const Index spread : {0, 262144}) {
        Case c = moved(distances({90, 1, 70}, {400, 9000, 100}, 2, 1, 8), 524288);
        for (Index s = 0; s < c.key.rows(); ++s) c.key(s, 0) += static_cast<Real>(s % 2 * spread);
        const auto on = [&](int threads) {
            const ThreadLimit limit(threads);
            Case twin = c;
            Gradients gradients(twin, {});
            return std::pair(twin, gradients);
        };
        const auto [one, grad_one] = on(1);
        const auto [many, grad_many] = on(4);
        CHECK(same_bits(one.read, many.read));
        CHECK(same_bits(one.log_sum_exp, many.log_sum_exp));
        CHECK(same_bits(grad_one.query, grad_many.query));
        CHECK(same_bits(grad_one.key, grad_many.key));
        CHECK(grad_one.scale == grad_many.scale);
    }
}
