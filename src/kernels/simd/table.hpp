// The inner loops that exist once for each instruction set, and the choice among them. Not installed.
#pragma once

#include "kernels/prefetch.hpp"
#include "kvmem/core/bfloat16.hpp"
#include "kvmem/core/types.hpp"
#include "kvmem/kernels/elementwise.hpp"
#include "kvmem/kernels/embed.hpp"

namespace kvmem::detail {

// The lowest score. Scores of -inf alone are masked, and stay so; sums with a large negative bias stop here.
inline constexpr Real lowest = sizeof(Real) == sizeof(float) ? Real(-__FLT_MAX__) : Real(-__DBL_MAX__);

// Always inlined, as all of these: the code of one instruction set must not serve another.
[[gnu::always_inline]] inline Real biased(Real score, Real bias) {
    const Real sum = score + bias;
    return sum < lowest && bias >= lowest && score >= lowest ? lowest : sum;
}
// Times log2(e), as tiles have their scores, and back. The lowest stays.
[[gnu::always_inline]] inline Real to_power(Real score) {
    const Real power = Real(1.44269504088896340736) * score;
    return power < lowest && score >= lowest ? lowest : power;
}
[[gnu::always_inline]] inline Real from_power(Real power) {
    return power == lowest ? lowest : Real(0.693147180559945309417) * power;
}

// One segment seen by one head. Rows of each array are `..._row` numbers apart.
struct Head {
    const Real* query = nullptr;
    const Real* key = nullptr;
    const Real* value = nullptr;
    const Bfloat16* bf16_key = nullptr;  // instead of key and value
    const Bfloat16* bf16_value = nullptr;
    Index query_row = 0, key_row = 0, value_row = 0;
    Index queries = 0, slots = 0, key_width = 0, value_width = 0;

    // score(i, j) = scale * query i . key j + slot_bias[j] + pair_bias[i][j] - slope * |i + slots - queries - j|
    Real scale = 1;
    bool by_distance = false;  // -|query i - key j|^2 instead of the product; not in tiles
    const Real* slot_bias = nullptr;
    Index slot_bias_row = 0;
    const Real* pair_bias = nullptr;
    Index pair_bias_row = 0;
    Real slope = 0;
    // Query i reads slots from its own place i + slots - queries less `behind` to it plus `ahead`, inclusive.
    Index behind = 0, ahead = 0;
    bool banded = false;

    [[gnu::always_inline]] Index place(Index i) const { return i + slots - queries; }
    [[gnu::always_inline]] Index first_readable(Index i) const { return banded ? bounded(place(i) - behind) : 0; }
    [[gnu::always_inline]] Index end_readable(Index i) const { return banded ? bounded(place(i) + ahead + 1) : slots; }

  private:
    [[gnu::always_inline]] Index bounded(Index slot) const { return slot < 0 ? 0 : slot > slots ? slots : slot; }
};

// A part of a head's lookup: these queries on these slots.
struct Part {
    Index first_query, end_query, first_slot, end_slot;
};

// Where a head's results are: read and log_sum_exp have a row for each query of the head.
struct HeadOutput {
    Real* output;
    Index output_row;
    Real* log_sum_exp;
    Index log_sum_exp_row;
    Real* scores;  // null, or blocks of queries one after the other, each [slots, queries rounded up to vectors]
    // Null, or where the sum of weights relative to the largest score goes. That score, to_power() of it, is then all
    // of log_sum_exp: in one number, a large score would leave no room for the sum.
    Real* total = nullptr;
};

// Rows as in Head; null pointers are not computed.
struct HeadGradients {
    const Real* output;
    const Real* grad_output;
    Index output_row;
    const Real *sum_large, *sum_rest;  // [queries]: SoftmaxSums
    const Real* scores;                // null, or those that the read left
    Real *query, *key, *value, *slot_bias, *pair_bias;
    Index query_row;
};

// Queries and slots whose scores are made at once: they and what they are made from nearly fit the first-level cache.
inline constexpr Index query_block = 64;
inline constexpr Index slot_block = 96;
// Slots that are gone through with all queries before the next ones: for the second-level cache.
inline constexpr Index slot_panel = 512;
// Fewer queries than this on one memory are read one by one.
inline constexpr Index few_queries = 6;

// A log-sum-exp beyond this is too coarse to make weights from: a float of 1,024 has steps of 1e-4.
inline constexpr Real large_sum = 1024;

// Numbers of scratch for one call of attend_tiles, of so many queries, or attend_tiles_backward.
inline constexpr Index attend_scratch(Index queries, Index key_width, Index value_width) {
    return (slot_panel + query_block) * (key_width + value_width) + (slot_block + 3) * query_block + 2 * queries;
}
inline constexpr Index backward_scratch(Index key_width, Index value_width) {
    return 2 * slot_panel * (key_width + value_width) + query_block * (3 * key_width + 2 * value_width) +
           (2 * slot_block + 3) * query_block;
}

struct Product {
    Index rows, cols, depth;
    const Real* a;  // a(i, k) = a[i * a_row + k * a_step]
    Index a_row, a_step;
    const Real* b;
    Index b_row;
    Real* c;
    Index c_row;
};

// Rows as in additive_scores; grad[j] is the gradient of score j, times the factor. Null gradients are not computed.
struct AdditiveBackward {
    const Real *x, *rows;
    Index row, count, width;
    const Real *direction, *grad;
    Real *grad_x, *grad_rows, *grad_direction;
};

// grad[j] is the gradient of |x - rows[j]|^2.
struct DistancesBackward {
    const Real *x, *rows;
    Index row, count, width;
    const Real* grad;
    Real *grad_x, *grad_rows;
};

// For the bags [first, end): out[i] = the scaled sum of rows tokens[offsets[i] .. offsets[i + 1]) of a table, each
// times a row of factors if there are any, plus row start_rows[i] of `start` if there is one.
struct Gather {
    const Real* table;
    Index width;
    bool table_exceeds_l2;
    const Token* tokens;
    const Index* offsets;
    Index first, end;
    BagScale scale;
    Real* out;
    const Real* factors = nullptr;
    const Index* first_factors = nullptr;  // of each bag: the row of its first token
    const Real* start = nullptr;
    const Token* start_rows = nullptr;
};
// The way back: for the lists [first, end) of entries of one token, rows[places[token]] += the sum of what their bags
// give, unless that place is negative. Rows from `fresh` on hold nothing yet: they become that sum.
struct ScatterLists {
    Real* rows;
    Index width, fresh;
    const Index* places;
    const Token* tokens;  // of each list
    const Index* offsets;
    const TokenLists::Entry* entries;
    Index first, end;
    bool rows_exceed_l2;
};
// A bag gives its x, times its scale or a row of factors if there are any.
struct Scatter {
    ScatterLists lists;
    const Real* x;
    bool x_exceeds_l2;
    const Real* scales = nullptr;   // of each bag
    const Real* factors = nullptr;  // not beside scales
    const Index* first_factors = nullptr;
};
// Bag i gives the sum over the terms of weights[i * outer_terms + term] times row segments[i] of that term's vectors.
// What is missing to outer_terms has weights of 0.
inline constexpr Index outer_terms = 4;
struct OuterScatter {
    ScatterLists lists;
    Index terms;
    const Real* weights;
    const std::int32_t* segments;
    const Real* vectors[outer_terms];
};

// One step of an optimiser, with g the gradient times `factor`: x -= rate * g; with `first` alone
// first += g^2, x -= rate * g / (sqrt(first) + epsilon) (Adagrad); with both first = beta1 first + rest1 g,
// second = beta2 second + rest2 g^2, x -= rate * first / (sqrt(second * correct) + epsilon) (Adam).
struct Update {
    Real rate, factor, epsilon, beta1, rest1, beta2, rest2, correct;
};

struct ActivationBackward {
    const Real *in, *out, *grad_out;
    Real* grad_in;
    Index count;
};

// Which numbers of a dropout stay: those whose hash of seed and position is at least `least`; they are times `keep`.
struct Dropout {
    std::uint64_t seed;
    std::uint32_t threshold;
    Real scale;
};

// One row of a layer normalisation and what was kept of it.
struct NormRow {
    const Real *x, *gain;
    Real mean, inverse;  // of the deviation
};

// The log-sum-exp of a row is largest + log(total): -inf and 0 when nothing may be read.
struct SoftmaxSum {
    Real largest, total;

    Real log_sum_exp() const { return largest + static_cast<Real>(__builtin_log(static_cast<double>(total))); }
};

struct Simd {
    const char* name;
    // c = a b, or c += a b.
    void (*product)(bool add, const Product& p);
    // c = alpha a b, or c += alpha a b, of a depth of 1 or more. Of each matrix rows or columns lie in a row: those of
    // b are b_row and b_step apart. `packed` holds gemm_scratch numbers.
    void (*gemm)(const Product& p, Real alpha, Index b_step, bool add, Real* packed);
    // Softmax reads of many queries, or of few (which needs no scratch), of slots of a part. Asks for what comes next
    // meanwhile.
    void (*attend_tiles)(const Head& head, const Part& part, const HeadOutput& out, const Prefetcher& next,
                         Real* scratch);
    void (*attend_rows)(const Head& head, const Part& part, const HeadOutput& out);
    // Adds to the gradients, from the sums.
    void (*attend_tiles_backward)(const Head& head, const Part& part, const HeadGradients& out, const Prefetcher& next,
                                  Real* scratch);
    // out[j] = factor * x . rows[j]
    void (*dots)(const Real* x, const Real* rows, Index row, Index count, Index width, Real factor, Real* out);
    // out[j] = factor * |x - rows[j]|^2
    void (*distances)(const Real* x, const Real* rows, Index row, Index count, Index width, Real factor, Real* out);
    void (*distances_backward)(const DistancesBackward& p);
    // out += sum over j of weights[j] rows[j]
    void (*add_weighted)(const Real* weights, const Real* rows, Index row, Index count, Index width, Real* out);
    // rows[j] += weights[j] x
    void (*add_outer)(const Real* weights, const Real* x, Real* rows, Index row, Index count, Index width);
    // out[j] = factor * direction . tanh(x + rows[j])
    void (*additive_scores)(const Real* x, const Real* rows, Index row, Index count, Index width, const Real* direction,
                            Real factor, Real* out);
    void (*additive_scores_backward)(const AdditiveBackward& p);
    double (*square_sum)(const Real* x, Index count);
    void (*add_scaled)(Real factor, const Real* x, Real* y, Index count);
    void (*gather_sums)(const Gather& g);
    void (*scatter_sums)(const Scatter& s);
    void (*scatter_outer)(const OuterScatter& s);
    void (*update)(const Update& u, Real* x, const Real* g, Real* first, Real* second, Index count);
    void (*activate)(Activation f, const Real* in, Real* out, Index count);
    void (*activate_backward)(Activation f, const ActivationBackward& s);
    // out = or += what stays of x
    void (*dropout)(const Dropout& d, const Real* x, Real* out, Index count, bool add);
    // Fills out with the normalised row, times gain plus bias, and row.mean and row.inverse.
    void (*norm_row)(NormRow& row, const Real* bias, Real epsilon, Real* out, Index count);
    // Adds to the gradients; null ones are not computed.
    void (*norm_row_backward)(const NormRow& row, const Real* grad_out, Real* grad_in, Real* grad_gain, Real* grad_bias,
                              Index count);
    // In place from scores to weights, whose relative error is below 6e-7 and 1.2e-7 for each 1 that a score is below
    // the largest.
    SoftmaxSum (*softmax_row)(Real* scores, Index count);
};

// Blocks of b [depth, cols] and of a [rows, depth] stay in the second-level cache.
inline constexpr Index gemm_rows = 96, gemm_depth = 256, gemm_cols = 512;
inline constexpr Index gemm_scratch = (gemm_cols + gemm_rows) * gemm_depth;

// The best that this processor has, or what the environment's KVMEM_ISA names (baseline, avx2, avx512) if the
// processor has that. Chosen once; until then, each call throws Error when KVMEM_ISA is no such name.
const Simd& simd();

}  // namespace kvmem::detail
