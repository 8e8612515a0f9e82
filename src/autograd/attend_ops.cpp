#include "autograd/low_rank_grad.hpp"
#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

namespace kvmem {

namespace {
// What attend() and attend_weights() share: their inputs and options, copied to the tape where they view.
struct AttendInputs {
    Var query, key;
    std::optional<Var> value;
    LookupBias bias;
    Segments segments;
    AttendOptions options;
    Real given_scale;  // options.scale without the learned factor

    AttendInput input() const {
        const auto of = [](const std::optional<Var>& v) { return v ? v->value() : ConstView(); };
        return {query.value(), key.value(),        of(value),        of(bias.slot),
                of(bias.pair), of(bias.direction), of(bias.distance)};
    }
    bool needs_grad() const {
        return any_needs_grad({query, key, value, bias.slot, bias.pair, bias.distance, bias.direction, bias.scale});
    }
    // Whether the gradients of keys and values are a weight times one row for each slot: there is one head, and each
    // segment of slots has exactly one query.
    bool is_low_rank() const {
        const auto& queries = segments.query_offsets;
        return key.rows() > 0 && options.heads == 1 && options.similarity == Similarity::dot && options.dropout == 0 &&
               std::ssize(queries) == query.rows() + 1 &&
               std::ranges::adjacent_find(queries, std::ranges::greater_equal()) == queries.end();
    }
    bool accepts_low_rank(Var to) const { return is_low_rank() && LowRankGrad::accepts(to, segments.slot_offsets); }
    // Calls body(gradients), where those of keys and values are still to be set.
    template <class Body>
    void with_gradients(Body body) const {
        const auto of = [](const std::optional<Var>& v) { return v ? v->grad() : View(); };
        const bool learns_scale = bias.scale && bias.scale->needs_grad();
        Real scale = 0;
        body(AttendGradients{.query = query.grad(),
                             .slot_bias = of(bias.slot),
                             .pair_bias = of(bias.pair),
                             .direction = of(bias.direction),
                             .scale = learns_scale ? &scale : nullptr,
                             .distance_bias = of(bias.distance)});
        if (learns_scale) bias.scale->grad().data[0] += given_scale * scale;
    }
    // Sets where the gradient of the keys goes. To be called after all other gradients were asked for: one of them may
    // be that of the same matrix, which would materialise it before its products are computed.
    void set_key(AttendGradients& grads) const {
        if (!accepts_low_rank(key)) {
            grads.key = key.grad();
            return;
        }
        Arena& arena = key.tape->arena();
        grads.products = arena.take<Real>(key.rows());
        // A copy of the queries, because parameters change after the pass.
        const ConstView queries{arena.copy(query.value().span()).data(), query.rows(), query.cols()};
        LowRankGrad::add(key, segments.slot_offsets, {grads.products, queries});
    }
};

struct Attend : AttendInputs {
    View log_sum_exp;
    std::span<Real> weights, scores;  // saved for backward, or empty

    void backward(Tape& tape, Var out) const {
        with_gradients([&](AttendGradients grads) {
            if (accepts_low_rank(*value))
                LowRankGrad::add(*value, segments.slot_offsets, {weights, out.grad()});
            else
                grads.value = value->grad();
            set_key(grads);
            attend_backward(input(), segments, options, {out.mutable_value(), log_sum_exp, weights, scores}, out.grad(),
                            grads, tape.arena());
        });
    }
};

struct AttendWeights : AttendInputs {
    void backward(Tape& tape, Var out) const {
        with_gradients([&](AttendGradients grads) {
            set_key(grads);
            attend_weights_backward(input(), segments, options, out.value().span(), out.grad().span(), grads,
                                    tape.arena());
        });
    }
};
}  // namespace

static AttendInputs check_inputs(Var query, Var key, std::optional<Var> value, const Segments& segments,
                                 AttendOptions options, const LookupBias& bias) {
    Tape& tape =
        Tape::of("attend", {query, key, value, bias.slot, bias.pair, bias.distance, bias.direction, bias.scale});
    require_shape(!bias.scale || bias.scale->value().size() == 1, "attend", "a scale of one number");
    const Real given_scale = options.scale;
    if (bias.scale) options.scale *= bias.scale->value().data[0];
    Arena& arena = tape.arena();
    options.slopes = arena.copy(options.slopes);
    const Segments copied{arena.copy(segments.query_offsets), arena.copy(segments.slot_offsets)};
    const AttendInputs inputs{query, key, value, bias, copied, options, given_scale};
    check_attend(inputs.input(), segments, options);
    return inputs;
}

Lookup attend(Var query, Var key, Var value, const Segments& segments, const AttendOptions& options,
              const LookupBias& bias) {
    Attend saved{check_inputs(query, key, value, segments, options, bias), {}, {}, {}};
    Tape& tape = *query.tape;
    Arena& arena = tape.arena();
    if (!tape.training()) saved.options.dropout = 0;
    if (saved.options.dropout > 0) saved.options.seed = tape.next_seed();
    saved.log_sum_exp = arena.matrix(query.rows(), options.heads);
    if (saved.needs_grad()) {
        if (saves_weights(segments, saved.options))
            saved.weights = arena.take<Real>(weight_count(segments, options.heads));
        saved.scores = arena.take<Real>(saved_score_count(segments, saved.options));
    }
    const Index width = value.cols() / options.memory_heads() * options.heads;
    const Var read = tape.record(query.rows(), width, saved.needs_grad(), saved);
    attend(saved.input(), segments, saved.options,
           {read.mutable_value(), saved.log_sum_exp, saved.weights, saved.scores}, arena);
    return {read, saved.log_sum_exp, saved.weights};
}

Var attend_weights(Var query, Var key, const Segments& segments, const AttendOptions& options, const LookupBias& bias) {
    const AttendWeights saved{check_inputs(query, key, {}, segments, options, bias)};
    Tape& tape = *query.tape;
    const Var out = tape.record(weight_count(segments, options.heads), 1, saved.needs_grad(), saved);
    attend_weights(saved.input(), segments, saved.options, out.mutable_value().span(), tape.arena());
    return out;
}

}  // namespace kvmem
