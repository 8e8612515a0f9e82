// The differentiable operations. Each runs its kernel at once and records how to go back.
//
// Shapes: B rows of a batch, n columns, d width. All inputs of an operation are on one tape; what they view
// besides (offsets, bags, targets) is copied to the tape where the backward pass needs it. Every operation
// throws Error when shapes do not fit, and is checked against numeric gradients in double.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/kernels/attend.hpp"
#include "kvmem/kernels/elementwise.hpp"
#include "kvmem/kernels/embed.hpp"
#include "kvmem/kernels/facts.hpp"
#include "kvmem/kernels/gated_scan.hpp"

#include <optional>
#include <span>
#include <vector>

namespace kvmem {

// Rows of a table summed over bags: [bags, d]. The table's gradient is sparse. (kernels/embed.hpp)
Var embed_sum(Tape& tape, const Parameter& table, RaggedView<Token> bags, BagScale scale);

// Sentences: sums of rows weighted by the places of the tokens, plus row start[i] of a table `starts` if there is one:
// [bags, d]. The tables' gradients are sparse. Nothing is copied: bags, positions and start must be there until the
// backward pass, best in the tape's arena. (kernels/embed.hpp)
Var embed_sentences(Tape& tape, const Parameter& table, RaggedView<Token> bags, const PositionFactors& positions);
// The same sentences by several tables, all of one shape, as the hops of a memory network have them.
struct SentenceTables {
    const Parameter* words = nullptr;
    const Parameter* starts = nullptr;  // of all tables or of none
};
std::vector<Var> embed_sentences(Tape& tape, std::span<const SentenceTables> tables, RaggedView<Token> bags,
                                 const PositionFactors& positions, std::span<const Token> start = {});

// x [B, n] times weight [m, n] transposed, plus bias [1, m] if given: [B, m]
Var linear(Var x, Var weight, std::optional<Var> bias = {});

// x [B, d] times y [n, d] transposed: [B, n], the scores of n candidates for B queries.
Var dot_scores(Var x, Var y);

Var add(Var x, Var y);       // of one shape
Var multiply(Var x, Var y);  // number by number
Var scale(Var x, Real factor);
Var sum(Var x);  // of all numbers: [1, 1]
Var activate(Var x, Activation f);
Var dropout(Var x, double rate);  // kernels/elementwise.hpp; the identity on a tape that is not training
Var layer_norm(Var x, Var gain, Var bias);
Var normalize_rows(Var x);

// What a lookup gives: the read [B, H*E], the log-sum-exp [B, H] of its scores (not differentiated) and, if they are
// kept for the way back (saves_weights()), the weights in the order of AttendOutput, otherwise empty. The tape may keep
// scores instead (saved_score_count()).
struct Lookup {
    Var read;
    ConstView log_sum_exp;
    std::span<const Real> weights = {};
};
// What a lookup may take besides queries, keys and values; shapes as in AttendInput.
struct LookupBias {
    std::optional<Var> slot = {};
    std::optional<Var> pair = {};
    std::optional<Var> direction = {};  // of additive similarity
    std::optional<Var> scale = {};      // [1, 1], a learned factor of options.scale
};
// kernels/attend.hpp. Dropout is drawn from the tape's own seeds, and only while it is training.
Lookup attend(Var query, Var key, Var value, const Segments& segments, const AttendOptions& options = {},
              const LookupBias& bias = {});

// The weights of such a lookup, before dropout: [weight_count, 1] in the order of kernels/attend.hpp.
Var attend_weights(Var query, Var key, const Segments& segments, const AttendOptions& options = {},
                   const LookupBias& bias = {});

// Adds x[i] to the number at `places[i]` (counted row by row) of a matrix of zeros [rows, cols]; -1: nowhere.
Var scatter_sum(Var x, std::span<const Index> places, Index rows, Index cols);

// Sum over the rows of the cross-entropy of scores [B, n] against the columns `targets`, with the columns
// `excluded[i]` left out of row i: [1, 1]. (kernels/softmax.hpp)
Var cross_entropy(Var scores, std::span<const Index> targets, RaggedView<Index> excluded = {});

// kernels/gated_scan.hpp: h [n, d] of z and c [n, d].
Var gated_scan(Var z, Var c, std::span<const Index> offsets, Direction direction = Direction::forwards);

// --- facts that are read exactly (fact_ops.cpp, kernels/facts.hpp)

// Entities with weights [n, 1] for each of B questions. The entities are the tape's.
struct EntityState {
    RaggedView<Token> entities;
    Var weight;
};
// The state before the first hop: each question's entities, which must be different ones, share a weight of 1.
EntityState start_state(Tape& tape, RaggedView<Token> entities);
// One hop with the weights `relations` [B, R + 1]. `starts` are the entities of the start state; they are returned to
// with the share `gate` [1, 1], or fully without one.
EntityState read_facts(const Facts& facts, const EntityState& state, Var relations, RaggedView<Token> starts,
                       std::optional<Var> gate = {}, Real least = 0, const FactSample& sample = {});
// Sum over the questions of -log of the share of weight on right answers: [1, 1].
Var answer_loss(const EntityState& state, RaggedView<Token> answers, const AnswerPrior& prior);

// --- matrices put together and taken apart (shape_ops.cpp)

// Rows of x [n, d] in any order, a row any number of times: [rows, d].
Var take_rows(Var x, std::span<const Index> rows);

// Matrices of one width one below the other: at least one.
Var concat_rows(std::span<const Var> parts);

// The same numbers, counted row by row, in another shape of the same size.
Var reshape(Var x, Index rows, Index cols);

}  // namespace kvmem
