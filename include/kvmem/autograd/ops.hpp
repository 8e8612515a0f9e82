// The differentiable operations. Each runs its kernel at once and records its backward function.
//
// Shapes: B rows of a batch, n columns, d width. All inputs of an operation are on one tape. What they view besides
// (offsets, bags, factors, targets) is copied to the tape where the backward pass needs it, so it may go when the call
// returns; tables, facts and other parameters must outlive the pass. Every operation throws Error when shapes do not
// fit, with nothing recorded, and is checked against numeric gradients in double.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/kernels/attend.hpp"
#include "kvmem/kernels/delta_rule.hpp"
#include "kvmem/kernels/elementwise.hpp"
#include "kvmem/kernels/embed.hpp"
#include "kvmem/kernels/facts.hpp"
#include "kvmem/kernels/gated_scan.hpp"
#include "kvmem/kernels/recurrent.hpp"

#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

namespace kvmem {

// --- embeddings (embed_ops.cpp, kernels/embed.hpp)

// Rows of a table summed over bags: [bags, d]. The table's gradient is sparse.
[[nodiscard]] Var embed_sum(Tape& tape, const Parameter& table, RaggedView<Token> bags, BagScale scale);

// Sentences: sums of rows weighted by the places of the tokens, plus row start[i] of a table `starts` if there is one:
// [bags, d]. The tables' gradients are sparse.
[[nodiscard]] Var embed_sentences(Tape& tape, const Parameter& table, RaggedView<Token> bags,
                                  const PositionFactors& positions);
// The same sentences by several tables of one shape, such as those of a memory network's hops.
struct SentenceTables {
    // The table of the tokens, which is never null, and that of the start rows.
    const Parameter* words = nullptr;
    const Parameter* starts = nullptr;  // of all tables or of none
};
// A matrix [bags, d] for each table. Row start[i] is of bag i. Throws Error when shapes do not fit.
[[nodiscard]] std::vector<Var> embed_sentences(Tape& tape, std::span<const SentenceTables> tables,
                                               RaggedView<Token> bags, const PositionFactors& positions,
                                               std::span<const Token> start = {});

// Rows of a table weighted by weights [tokens, 1] and summed over bags: [bags, d]; and the products of x [bags, d] with
// the rows of each bag's tokens: [tokens, 1]. The table's gradient is sparse. (weighted_ops.cpp)
[[nodiscard]] Var embed_weighted(const Parameter& table, RaggedView<Token> bags, Var weights);
[[nodiscard]] Var dot_rows(Var x, const Parameter& table, RaggedView<Token> bags);

// --- matrix products (linear_ops.cpp)

// x [B, n] times weight [m, n] transposed, plus bias [1, m] if given: [B, m].
[[nodiscard]] Var linear(Var x, Var weight, std::optional<Var> bias = {});
// x [B, d] times y [n, d] transposed: [B, n], the scores of n candidates for B queries.
[[nodiscard]] Var dot_scores(Var x, Var y);

// --- number by number (elementwise_ops.cpp, kernels/elementwise.hpp)

// x + y, x - y and x * y of two matrices of one shape, and x * factor, number by number. Throw Error for two shapes.
[[nodiscard]] Var add(Var x, Var y);  // of one shape, as in the next two
[[nodiscard]] Var subtract(Var x, Var y);
[[nodiscard]] Var multiply(Var x, Var y);
[[nodiscard]] Var scale(Var x, Real factor);
[[nodiscard]] inline Var operator+(Var x, Var y) { return add(x, y); }
[[nodiscard]] inline Var operator-(Var x, Var y) { return subtract(x, y); }
[[nodiscard]] inline Var operator*(Var x, Var y) { return multiply(x, y); }
[[nodiscard]] inline Var operator*(Real factor, Var x) { return scale(x, factor); }
[[nodiscard]] inline Var operator*(Var x, Real factor) { return scale(x, factor); }
[[nodiscard]] inline Var operator-(Var x) { return scale(x, -1); }

// f of each number. The result has the shape of x.
[[nodiscard]] Var activate(Var x, Activation f);
[[nodiscard]] inline Var tanh(Var x) { return activate(x, Activation::tanh); }
[[nodiscard]] inline Var sigmoid(Var x) { return activate(x, Activation::sigmoid); }
[[nodiscard]] inline Var relu(Var x) { return activate(x, Activation::relu); }
[[nodiscard]] Var dropout(Var x, double rate);  // the identity on a tape that is not training

[[nodiscard]] Var sum(Var x);  // of all numbers: [1, 1]

// --- row by row (row_ops.cpp, kernels/normalize.hpp)

// Each row to mean 0 and variance 1, times gain [1, d] plus bias [1, d]; each row to a mean square of 1, times gain;
// and each row to length 1.
[[nodiscard]] Var layer_norm(Var x, Var gain, Var bias);
[[nodiscard]] Var rms_norm(Var x, Var gain);
[[nodiscard]] Var normalize_rows(Var x);
// Each row to weights that sum to one. A row of -inf alone gives zeros and passes no gradient.
[[nodiscard]] Var softmax(Var x);
// The logarithm of softmax(x), without its underflow. A row of -inf alone stays so and passes no gradient.
[[nodiscard]] Var log_softmax(Var x);

// Rotary positions: row i of x [n, heads * D] turns by the angles of positions[i], head by head. D must be even.
// (kernels/positions.hpp)
[[nodiscard]] Var rotate(Var x, std::span<const Index> positions, Index heads);

// --- attention (attend_ops.cpp, kernels/attend.hpp)

// What a lookup gives: the read [B, H*E], the log-sum-exp [B, H] of its scores (not differentiated) and, if the lookup
// saves them for backward (saves_weights()), the weights in the order of AttendOutput, otherwise empty.
struct Lookup {
    // The read and the log-sum-exp are on the tape, as the weights are.
    Var read;
    ConstView log_sum_exp;
    std::span<const Real> weights = {};
};
// What a lookup may take besides queries, keys and values; shapes as in AttendInput.
struct LookupBias {
    // Biases of slots, and of pairs or of distances, are added to the scores.
    std::optional<Var> slot = {};
    std::optional<Var> pair = {};
    std::optional<Var> distance = {};
    std::optional<Var> direction = {};  // of additive similarity
    std::optional<Var> scale = {};      // [1, 1], a learned factor of options.scale
};
// A fully masked query returns zeros and log_sum_exp = -inf. Dropout is drawn from the tape's own seeds, and only while
// the tape is training.
[[nodiscard]] Lookup attend(Var query, Var key, Var value, const Segments& segments, const AttendOptions& options = {},
                            const LookupBias& bias = {});
// The weights of such a lookup, before dropout: [weight_count, 1] in the order of AttendOutput.
[[nodiscard]] Var attend_weights(Var query, Var key, const Segments& segments, const AttendOptions& options = {},
                                 const LookupBias& bias = {});

// --- losses (loss_ops.cpp, kernels/softmax.hpp)

// Sum over the rows of the cross-entropy of scores [B, n] against the columns `targets`, with the columns
// `excluded[i]` left out of row i, and with label smoothing: [1, 1].
[[nodiscard]] Var cross_entropy(Var scores, std::span<const Index> targets, RaggedView<Index> excluded = {},
                                double smoothing = 0);
// The mean over all numbers of (x - y)^2: [1, 1]. Of no numbers it is 0.
[[nodiscard]] Var mean_squared_error(Var x, Var y);

// Sum over the rows of -log p of the targets under a mixture of softmax(scores) [n, V], with the share sigmoid(gates)
// [n, 1], and of what weights [slots, 1] point at: [1, 1]. tokens[i] are those of row i's slots, -1 for none.
// (pointer_ops.cpp, kernels/pointer.hpp)
[[nodiscard]] Var pointer_loss(Var scores, Var gates, Var weights, RaggedView<Token> tokens,
                               std::span<const Token> targets);

// --- segments of rows (segment_ops.cpp)

// The mean of rows [offsets[i], offsets[i + 1]) of x [n, d] for each of N segments: [N, d]; zeros for an empty one.
[[nodiscard]] Var segment_mean(Var x, std::span<const Index> offsets);
// The max of each column of each segment, as above; of equal numbers the first has the gradient.
[[nodiscard]] Var segment_max(Var x, std::span<const Index> offsets);
// Adds x[i] to the number at `places[i]` (counted row by row) of a matrix of zeros [rows, cols]; -1: nowhere.
[[nodiscard]] Var scatter_sum(Var x, std::span<const Index> places, Index rows, Index cols);
// h [n, d] of z and c [n, d]. (scan_ops.cpp, kernels/gated_scan.hpp)
[[nodiscard]] Var gated_scan(Var z, Var c, std::span<const Index> offsets, Direction direction = Direction::forwards);

// --- memories that rows correct (delta_rule_ops.cpp, kernels/delta_rule.hpp)

// What the delta rule gives: what the rows read, and the memories after the last rows.
struct DeltaRuleOutput {
    Var out;   // [n, H*E]
    Var last;  // [N, H*D*E]
};
// Sequence i is rows [offsets[i], offsets[i+1]) of query and key [n, H*D], value [n, H*E], decay and strength [n, H].
// The memories before the first rows are [N, H*D*E], or zeros. `recurrent` as in DeltaRuleCall.
[[nodiscard]] DeltaRuleOutput delta_rule(const DeltaRuleArrays<std::optional<Var>>& in, std::span<const Index> offsets,
                                         bool recurrent = false);

// --- recurrent layers (recurrent_ops.cpp, kernels/recurrent.hpp)

// What a recurrent layer in one direction takes besides its input.
struct RecurrentInputs {
    RecurrentMatrices<std::optional<Var>> weights = {};  // of the shapes that kernels/recurrent.hpp states
    std::optional<Var> h = {}, c = {};                   // initial states [N, w], [N, d]
    std::optional<Var> mask = {};                        // [N, w], not differentiated
    const RecurrentPacked* packed = nullptr;  // what an earlier call of this pass returned: see RecurrentCall
};
// What such a layer gives.
struct RecurrentOutput {
    Var out;                        // [n, w]
    Var h;                          // [N, w] after the last step of each sequence
    std::optional<Var> c;           // [N, d], of an LSTM
    const RecurrentPacked* packed;  // the tape's
};
// Sequence i is rows [offsets[i], offsets[i+1]) of x [n, in]. A step of N sequences is a run of N rows with the states
// of the step before: its bits are those of the whole run.
[[nodiscard]] RecurrentOutput recurrent(Cell cell, Var x, const RecurrentInputs& inputs, std::span<const Index> offsets,
                                        Direction direction = Direction::forwards);

// --- facts that are read exactly (fact_ops.cpp, kernels/facts.hpp)

// Entities with weights [n, 1] for each of B questions. The entities are the tape's.
struct EntityState {
    // The entities [B], and the weights [n, 1] in their order.
    RaggedView<Token> entities;
    Var weight;
};
// The state before the first hop: each question's entities, which must be different ones, share a weight of 1.
[[nodiscard]] EntityState start_state(Tape& tape, RaggedView<Token> entities);
// One hop with the weights `relations` [B, R + 1]. `starts` are the entities of the start state; the hop returns to
// them with the share `gate` [1, 1], or fully without one.
[[nodiscard]] EntityState read_facts(const Facts& facts, const EntityState& state, Var relations,
                                     RaggedView<Token> starts, std::optional<Var> gate = {}, Real least = 0,
                                     const FactSample& sample = {});
// Sum over the questions of -log of the share of weight on right answers: [1, 1].
[[nodiscard]] Var answer_loss(const EntityState& state, RaggedView<Token> answers, const AnswerPrior& prior);

// --- matrices put together and taken apart (shape_ops.cpp)

// Rows of x [n, d] in any order, a row any number of times: [rows, d].
[[nodiscard]] Var take_rows(Var x, std::span<const Index> rows);
// Rows [first, first + count) of x: not a copy but the same numbers, with a part of the same gradient.
[[nodiscard]] Var slice_rows(Var x, Index first, Index count);
[[nodiscard]] Var slice_cols(Var x, Index first, Index count);  // a copy
// Matrices of one width one below the other, or of one height side by side: at least one.
[[nodiscard]] Var concat_rows(std::span<const Var> parts);
[[nodiscard]] Var concat_cols(std::span<const Var> parts);
[[nodiscard]] inline Var concat_rows(std::initializer_list<Var> parts) {
    return concat_rows(std::span(parts.begin(), parts.size()));
}
[[nodiscard]] inline Var concat_cols(std::initializer_list<Var> parts) {
    return concat_cols(std::span(parts.begin(), parts.size()));
}
// The same numbers, counted row by row, in another shape of the same size.
[[nodiscard]] Var reshape(Var x, Index rows, Index cols);

}  // namespace kvmem
