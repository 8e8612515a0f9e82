// The table of the inner loops, of which each instruction set has one. Not installed.
#pragma once

#include "kernels/prefetch.hpp"
#include "kvmem/core/bfloat16.hpp"
#include "kvmem/core/types.hpp"
#include "kvmem/kernels/elementwise.hpp"
#include "kvmem/kernels/embed.hpp"

namespace kvmem::detail {

// The lowest score that is not masked: sums with a large negative bias stop here, and only -inf masks.
inline constexpr Real lowest = sizeof(Real) == sizeof(float) ? Real(-__FLT_MAX__) : Real(-__DBL_MAX__);

// Always inlined, like everything here: the code of one instruction set must not serve another.
[[gnu::always_inline]] inline Real biased(Real score, Real bias) {
    const Real sum = score + bias;
    return sum < lowest && bias >= lowest && score >= lowest ? lowest : sum;
}
// From scores to base 2, as tiles have them, and back. The lowest score stays.
[[gnu::always_inline]] inline Real to_power(Real score) {
    const Real power = Real(1.44269504088896340736) * score;
    return power < lowest && score >= lowest ? lowest : power;
}
[[gnu::always_inline]] inline Real from_power(Real power) {
    return power == lowest ? lowest : Real(0.693147180559945309417) * power;
}

// One segment seen by one head. The rows of each array are `..._row` numbers apart.
struct Head {
    const Real* query = nullptr;
    const Real* key = nullptr;
    const Real* value = nullptr;
    const Bfloat16* bf16_key = nullptr;  // instead of key and value
    const Bfloat16* bf16_value = nullptr;
    Index query_row = 0, key_row = 0, value_row = 0;
    Index queries = 0, slots = 0, key_width = 0, value_width = 0;

    // score(i, j) = scale * query i . key j + slot_bias[j] + pair_bias[i][j] - slope * |place(i) - j|
    Real scale = 1;
    bool by_distance = false;  // -|query i - key j|^2 instead of the product; not in tiles
    const Real* slot_bias = nullptr;
    Index slot_bias_row = 0;
    const Real* pair_bias = nullptr;
    Index pair_bias_row = 0, pair_bias_step = 0;  // the distances of its queries and of its slots, in numbers
    Real slope = 0;
    // The mask leaves to query i the slots from place(i) - behind to place(i) + ahead, inclusive.
    Index behind = 0, ahead = 0;
    bool banded = false;
    Index first_place = 0;
    bool alone = false;  // the bits of a query depend on no other one

    [[gnu::always_inline]] Index place(Index i) const { return i + first_place; }
    [[gnu::always_inline]] Index first_readable(Index i) const { return banded ? bounded(place(i) - behind) : 0; }
    [[gnu::always_inline]] Index end_readable(Index i) const { return banded ? bounded(place(i) + ahead + 1) : slots; }

  private:
    [[gnu::always_inline]] Index bounded(Index slot) const { return slot < 0 ? 0 : slot > slots ? slots : slot; }
};

// Adds the biases of slots [first_slot, first_slot + slots) to the scores of query q.
[[gnu::always_inline]] inline void add_biases(const Head& head, Index q, Index first_slot, Index slots, Real* scores) {
    if (head.slot_bias)
        for (Index i = 0; i < slots; ++i)
            scores[i] = biased(scores[i], head.slot_bias[(first_slot + i) * head.slot_bias_row]);
    if (head.pair_bias)
        for (Index i = 0; i < slots; ++i)
            scores[i] =
                biased(scores[i], head.pair_bias[q * head.pair_bias_row + (first_slot + i) * head.pair_bias_step]);
    if (head.slope != 0)
        for (Index i = 0; i < slots; ++i) {
            const Index distance = head.place(q) - (first_slot + i);
            scores[i] -= head.slope * Real(distance < 0 ? -distance : distance);
        }
}

// A part of a head: these queries by these slots.
struct Part {
    Index first_query, end_query, first_slot, end_slot;
};

// Where a head writes: output and log_sum_exp have a row for each query of the head.
struct HeadOutput {
    Real* output;
    Index output_row;
    Real* log_sum_exp;
    Index log_sum_exp_row;
    Real* scores;  // null, or blocks of queries one after the other, each [slots, queries rounded up to vectors]
    // Null, or the sum of the weights relative to the largest score. log_sum_exp is then to_power() of that score
    // alone, because in one number a large score would leave no room for the sum.
    Real* total = nullptr;
};

// Rows as in Head; null pointers are not computed.
struct HeadGradients {
    const Real* output;
    const Real* grad_output;
    Index output_row;
    const Real *sum_large, *sum_rest;  // [queries]: SoftmaxSums
    const Real* scores;                // null, or saved ones
    Real *query, *key, *value, *slot_bias, *pair_bias;
    Index query_row;
};

// The scores of a block of queries by a block of slots, and their operands, nearly fit the first-level cache.
inline constexpr Index query_block = 64;
inline constexpr Index slot_block = 96;
// A panel of slots fits the second-level cache. All queries use it before the next one.
inline constexpr Index slot_panel = 512;
// At most this many queries of one memory are taken one by one.
inline constexpr Index few_queries = 6;

// A larger log-sum-exp is too coarse to recompute weights from: a float of 1,024 has steps of 1e-4.
inline constexpr Real large_sum = 1024;

// Numbers of scratch for one call of attend_tiles with this many queries, or of attend_tiles_backward.
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
// The backward pass: for the lists [first, end), each the entries of one token, rows[places[token]] += the sum of what
// their bags give. A negative place drops the sum. Rows from `fresh` on are uninitialised and become the sum.
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
// A bag gives its row of x, times its scale or a row of factors if there are any.
struct Scatter {
    ScatterLists lists;
    const Real* x;
    bool x_exceeds_l2;
    const Real* scales = nullptr;   // of each bag
    const Real* factors = nullptr;  // not beside scales
    const Index* first_factors = nullptr;
};
// Bag i gives the sum over the terms of weights[i * outer_terms + term] times row segments[i] of that term's vectors.
// Missing terms have weights of 0.
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
// Before, x -= shrink * x.
struct Update {
    Real rate, factor, epsilon, beta1, rest1, beta2, rest2, correct, shrink;
};

struct ActivationBackward {
    const Real *in, *out, *grad_out;
    Real* grad_in;
    Index count;
};

// A number stays, times `scale`, if the hash of seed and position is at least `threshold`. All others become 0.
struct Dropout {
    std::uint64_t seed;
    std::uint32_t threshold;
    Real scale;
};

// One row of a layer normalisation, with what is saved for backward.
struct NormRow {
    const Real *x, *gain;
    Real mean, inverse;    // of the deviation
    bool centered = true;  // otherwise the mean counts as 0
};

// The log-sum-exp of a row is largest + log(total). They are -inf and 0 where all scores are masked.
struct SoftmaxSum {
    Real largest, total;

    Real log_sum_exp() const { return largest + static_cast<Real>(__builtin_log(static_cast<double>(total))); }
};

// What a step of a recurrent layer computes (kernels/recurrent.hpp). An LSTM whose U h or c' is normalised comes in two
// parts, and so does the GRU that resets before: r h and z, then what follows from r h.
enum class RecurrentPart { rnn, lstm, lstm_cell, lstm_out, gru, reset, candidate, min_gru, min_lstm };

// Row i is a sequence, whose step is row places[i] of the arrays over all steps: gates [., gate_count * width], which
// come as what the input gives, cells and out [., width]. All other arrays are [rows, width].
struct RecurrentStep {
    RecurrentPart part;
    Index rows, width, gate_count;
    const Index* places;
    Real* gates;
    Real* cells;  // null: not saved
    Real* out;    // null: only `after`
    const Real *before, *bias, *reset_bias, *peepholes;
    Real *after, *c;  // h'; c, which becomes c'
    // The product: of left [rows, depth] and U as recurrent_pack() left it; or its results [rows, gate_count * width].
    Index depth = 0;
    const Real* left = nullptr;
    const Real* packed = nullptr;
    const Real* products = nullptr;
};
// The same step backwards. before and c_before are arrays of which row before_places[i] is the sequence's.
struct RecurrentStepBackward {
    RecurrentPart part;
    Index rows, width, gate_count, product_gates;
    const Index *places, *before_places;
    const Real *gates, *cells, *out, *before, *c_before, *peepholes;
    const Real *left, *normal;      // of sequences: what U read; N(c') or the gradient of r h
    Real *h, *c;                    // gradients of h' and c', which become those of h and c
    Real *grad_gates, *grad_cells;  // of all steps
    Real* grad_products;            // [rows, product_gates * width]
    Real *grad_candidates, *grad_normal, *grad_left;
};

// A row of the delta rule: the memory [key_width, value_width] becomes the next one.
struct DeltaStep {
    Index key_width, value_width;
    const Real *query, *key, *value;
    Real decay, strength;
    Real *memory, *error, *out;
};

// Of the scores of a row that are not masked.
struct ScoreSum {
    double sum;
    Index count;
};

struct Simd {
    const char* name;
    // c = a b, or c += a b.
    void (*product)(bool add, const Product& p);
    // c = alpha a b, or c += alpha a b, for a depth of at least 1. Rows and columns of b are b_row and b_step apart;
    // one of the two is 1, as for a. `packed` holds gemm_scratch numbers.
    void (*gemm)(const Product& p, Real alpha, Index b_step, bool add, Real* packed);
    // Softmax attention of many queries, or of at most few_queries. The first prefetches `next` meanwhile.
    void (*attend_tiles)(const Head& head, const Part& part, const HeadOutput& out, const Prefetcher& next,
                         Real* scratch);
    void (*attend_rows)(const Head& head, const Part& part, const HeadOutput& out);
    // Adds to the gradients.
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
    // out = x after dropout, or out += it.
    void (*dropout)(const Dropout& d, const Real* x, Real* out, Index count, bool add);
    // out = the normalised row times gain plus bias, if it is not null. Sets row.mean and row.inverse.
    void (*norm_row)(NormRow& row, const Real* bias, Real epsilon, Real* out, Index count);
    // Adds to the gradients; null ones are not computed.
    void (*norm_row_backward)(const NormRow& row, const Real* grad_out, Real* grad_in, Real* grad_gain, Real* grad_bias,
                              Index count);
    // Replaces scores by weights, with a relative error below 6e-7 plus 1.2e-7 for each 1 of distance to the largest.
    SoftmaxSum (*softmax_row)(Real* scores, Index count);
    // U [gates * width, depth] for recurrent_step: at most (width + 15) * gates * depth numbers.
    void (*recurrent_pack)(const Real* u, Index gates, Index width, Index depth, Real* packed);
    void (*recurrent_step)(const RecurrentStep& s);
    void (*recurrent_step_backward)(const RecurrentStepBackward& s);
    void (*delta_step)(const DeltaStep& s);
    // b for packed_product(), which takes it as p.b: at most (cols + 63) * depth numbers.
    void (*pack_panels)(const Product& p, Index b_step, Real* packed);
    void (*packed_product)(bool add, const Product& p);
    // In double, because a sum of large floats would lose the small ones or overflow.
    ScoreSum (*unmasked_sum)(const Real* scores, Index count);
    // y[j] -= share where score j is not masked
    void (*subtract_unmasked)(Real share, const Real* scores, Real* y, Index count);
};

// Blocks of b [depth, cols] and of a [rows, depth] stay in the second-level cache.
inline constexpr Index gemm_rows = 96, gemm_depth = 256, gemm_cols = 512;
inline constexpr Index gemm_scratch = (gemm_cols + gemm_rows) * gemm_depth;

// The table of the best instruction set of this processor, or of the one in KVMEM_ISA (baseline, avx2, avx512) if that
// is less. It is chosen once. Until then each call throws Error when KVMEM_ISA names none.
const Simd& simd();

}  // namespace kvmem::detail
