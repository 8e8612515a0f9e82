// A call of attend() on random numbers with its inputs and outputs, and its naive twin.
#pragma once

#include "kvmem/kernels/attend.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

namespace kvmem::test {

inline constexpr Real not_a_number = std::numeric_limits<Real>::quiet_NaN();

struct LookupCase {
    std::vector<Index> query_offsets, slot_offsets;
    AttendOptions options;
    Matrix query, key, value, slot_bias, pair_bias, direction;
    Matrix read, log_sum_exp;
    std::vector<Real> slopes;
    std::vector<Real> weights;

    LookupCase(const std::vector<Index>& queries, const std::vector<Index>& slots, Index heads, Index d, Index e,
               std::uint64_t seed, double deviation = 1)
        : query_offsets(offsets(queries)),
          slot_offsets(offsets(slots)),
          query(normal(query_offsets.back(), heads * d, seed, deviation)),
          key(normal(slot_offsets.back(), heads * d, seed + 1, deviation)),
          value(normal(slot_offsets.back(), heads * e, seed + 2)),
          read(query.rows(), heads * e),
          log_sum_exp(query.rows(), heads) {
        options.heads = heads;
    }
    Segments segments() const { return {query_offsets, slot_offsets}; }
    AttendInput input() const { return {query, key, value, slot_bias, pair_bias, direction}; }
    AttendOutput output() { return {read, log_sum_exp, {}}; }
    void run() {
        read.fill(not_a_number);  // what is there must not matter
        log_sum_exp.fill(not_a_number);
        Arena scratch;
        attend(input(), segments(), options, output(), scratch);
        weights.assign(static_cast<std::size_t>(weight_count(segments(), options.heads)), not_a_number);
        attend_weights(input(), segments(), options, weights, scratch);
    }
    // The same with saved weights, which another algorithm computes.
    LookupCase saving() const {
        LookupCase twin = *this;
        twin.weights.assign(static_cast<std::size_t>(weight_count(segments(), options.heads)), not_a_number);
        Arena scratch;
        attend(input(), segments(), options, {twin.read, twin.log_sum_exp, twin.weights}, scratch);
        return twin;
    }
    void back(ConstView grad_read, const AttendGradients& grads) {
        Arena scratch;
        attend_backward(input(), segments(), options, output(), grad_read, grads, scratch);
    }
    // The naive twin's results.
    LookupCase oracle() const {
        LookupCase twin = *this;
        twin.weights.assign(static_cast<std::size_t>(weight_count(segments(), options.heads)), 0);
        naive::attend(input(), segments(), options, {twin.read, twin.log_sum_exp, twin.weights});
        return twin;
    }
};

// Equal where infinite, close elsewhere.
inline void check_close(ConstView a, ConstView b, double margin) {
    REQUIRE(a.rows == b.rows);
    REQUIRE(a.cols == b.cols);
    for (Index i = 0; i < a.size(); ++i) {
        const Approx expected = Approx(b.data[i]).epsilon(margin).margin(margin);
        // An assertion for each of millions of numbers would take most of the time.
        if (!(a.data[i] == b.data[i] || a.data[i] == expected)) REQUIRE(a.data[i] == expected);
    }
}

inline void check_against_oracle(LookupCase& c, double margin = 2e-5) {
    c.run();
    const LookupCase twin = c.oracle();
    check_close(c.read, twin.read, margin);
    check_close(c.log_sum_exp, twin.log_sum_exp, margin);
    const auto count = static_cast<Index>(c.weights.size());
    check_close({c.weights.data(), 1, count}, {twin.weights.data(), 1, count}, margin);
    const LookupCase saved = c.saving();
    check_close(saved.read, twin.read, margin);
    check_close(saved.log_sum_exp, twin.log_sum_exp, margin);
    check_close({saved.weights.data(), 1, count}, {twin.weights.data(), 1, count}, margin);
}

}  // namespace kvmem::test
