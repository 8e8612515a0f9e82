#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

namespace kvmem {

namespace {
struct Attended {
    Var query, key;
    std::optional<Var> value;
    LookupBias bias;
    Segments segments;
    AttendOptions options;
    Real given_scale;  // options.scale without the learned factor
    View log_sum_exp;
    std::span<Real> weights, scores;

    AttendInput input() const {
        const auto of = [](const std::optional<Var>& v) { return v ? ConstView(v->value()) : ConstView(); };
        return {query.value(), key.value(), of(value), of(bias.slot), of(bias.pair), of(bias.direction)};
    }
    // Those of all but keys and values.
    AttendGradients gradients(Real* scale) const {
        const auto of = [](const std::optional<Var>& v) { return v ? v->grad() : View(); };
        return {.query = query.grad(),
                .slot_bias = of(bias.slot),
                .pair_bias = of(bias.pair),
                .direction = of(bias.direction),
                .scale = scale};
    }
    // Whether the gradients of keys and values are a product of a weight and a row for each slot: every query is the
    // only one on its slots.
    bool is_outer() const {
        const auto& queries = segments.query_offsets;
        return key.rows() > 0 && options.heads == 1 && options.similarity == Similarity::dot && options.dropout == 0 &&
               std::ssize(queries) == query.rows() + 1 &&
               std::ranges::adjacent_find(queries, std::ranges::greater_equal()) == queries.end();
    }
    bool learns_scale() const { return bias.scale && bias.scale->needs_grad(); }
    bool needs_grad() const {
        const auto needs = [](const std::optional<Var>& v) { return v && v->needs_grad(); };
        return query.needs_grad() || key.needs_grad() || needs(value) || needs(bias.slot) || needs(bias.pair) ||
               needs(bias.direction) || needs(bias.scale);
    }
};
}  // namespace

static Attended keep_lookup(Var query, Var key, std::optional<Var> value, const Segments& segments,
                            AttendOptions options, const LookupBias& bias) {
    Tape& tape = Tape::of("attend", {query, key, value, bias.slot, bias.pair, bias.direction, bias.scale});
    require_shape(!bias.scale || bias.scale->value().size() == 1, "attend", "a scale of one number");
    const Real given_scale = options.scale;
    if (bias.scale) options.scale *= bias.scale->value().data[0];
    options.slopes = tape.arena().copy(options.slopes);
    const Segments kept{tape.arena().copy(segments.query_offsets), tape.arena().copy(segments.slot_offsets)};
    return {query, key, value, bias, kept, options, given_scale, {}, {}, {}};
}

// Calls body(gradients), for all but keys and values, and hands the gradient of the scale on to its factor.
template <class Body>
static void with_gradients(const Attended& p, Body body) {
    Real scale = 0;
    body(p.gradients(p.learns_scale() ? &scale : nullptr));
    if (p.learns_scale()) p.bias.scale->grad().data[0] += p.given_scale * scale;
}

// Whether the gradient of `to`, keys or values, may be handed on as an outer product.
static bool takes_product(const Tape& tape, const Attended& p, Var to) {
    return p.is_outer() && tape.takes_outer_product(to, p.segments.slot_offsets);
}

// Where the gradient of the keys goes, after all others were asked for: one of them may be that of the same matrix, and
// would be written out before the products are there.
static void take_key(Tape& tape, const Attended& p, AttendGradients& grads) {
    if (!takes_product(tape, p, p.key)) {
        grads.key = p.key.grad();
        return;
    }
    grads.products = tape.arena().take<Real>(p.key.rows());
    // A copy of the queries, because parameters change after the pass.
    const View queries = tape.arena().matrix(p.query.rows(), p.query.cols());
    std::ranges::copy(p.query.value().span(), queries.data);
    tape.add_outer_product(p.key, p.segments.slot_offsets, {grads.products, queries});
}

static void attend_op_backward(Tape& tape, Var out, const void* payload) {
    const auto& p = *static_cast<const Attended*>(payload);
    with_gradients(p, [&](AttendGradients grads) {
        if (takes_product(tape, p, *p.value))
            tape.add_outer_product(*p.value, p.segments.slot_offsets, {p.weights, out.grad()});
        else
            grads.value = p.value->grad();
        take_key(tape, p, grads);
        attend_backward(p.input(), p.segments, p.options, {out.value(), p.log_sum_exp, p.weights, p.scores}, out.grad(),
                        grads, tape.arena());
    });
}

Lookup attend(Var query, Var key, Var value, const Segments& segments, const AttendOptions& options,
              const LookupBias& bias) {
    Attended kept = keep_lookup(query, key, value, segments, options, bias);
    Tape& tape = *query.tape;
    check_attend(kept.input(), segments, kept.options);
    if (!tape.training()) kept.options.dropout = 0;
    if (kept.options.dropout > 0) kept.options.seed = tape.next_seed();
    kept.log_sum_exp = tape.arena().matrix(query.rows(), options.heads);
    if (kept.needs_grad() && saves_weights(segments, kept.options))
        kept.weights = tape.arena().take<Real>(weight_count(segments, options.heads));
    if (kept.needs_grad()) kept.scores = tape.arena().take<Real>(saved_score_count(segments, kept.options));
    const Index width = value.cols() / options.memory_heads() * options.heads;
    const Var read = tape.record(query.rows(), width, kept.needs_grad(), attend_op_backward, kept);
    attend(kept.input(), segments, kept.options, {read.value(), kept.log_sum_exp, kept.weights, kept.scores},
           tape.arena());
    return {read, kept.log_sum_exp, kept.weights};
}

Var attend_weights(Var query, Var key, const Segments& segments, const AttendOptions& options, const LookupBias& bias) {
    const Attended kept = keep_lookup(query, key, {}, segments, options, bias);
    Tape& tape = *query.tape;
    check_attend(kept.input(), segments, kept.options);
    const Var out = tape.record(
        weight_count(segments, options.heads), 1, kept.needs_grad(),
        [](Tape& t, Var o, const void* payload) {
            const auto& p = *static_cast<const Attended*>(payload);
            with_gradients(p, [&](AttendGradients grads) {
                take_key(t, p, grads);
                attend_weights_backward(p.input(), p.segments, p.options, o.value().span(), o.grad().span(), grads,
                                        t.arena());
            });
        },
        kept);
    attend_weights(kept.input(), segments, kept.options, out.value().span(), tape.arena());
    return out;
}

}  // namespace kvmem
