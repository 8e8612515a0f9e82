#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <memory>

namespace kvmem {

namespace {
using DeltaInputs = DeltaRuleArrays<std::optional<Var>>;

template <class V, class Get>
DeltaRuleArrays<V> each(const DeltaInputs& in, Get get) {
    return {get(in.query), get(in.key), get(in.value), get(in.decay), get(in.strength), get(in.memory)};
}

// The memories after the last rows: the gradient is used where the rows' own is.
struct LastMemory {
    void backward(Tape&, Var) const {}
};

struct DeltaRule {
    DeltaInputs in;
    DeltaRuleCall call;
    DeltaRuleSaved saved;
    Var* last;  // recorded after the rows

    void backward(Tape& tape, Var out) const {
        const auto grad_of = [](const std::optional<Var>& x) { return x && x->needs_grad() ? x->grad() : View{}; };
        delta_rule_backward(call, saved, out.grad(), last->grad(), each<View>(in, grad_of), tape.arena());
    }
};
}  // namespace

DeltaRuleOutput delta_rule(const DeltaInputs& in, std::span<const Index> offsets, bool recurrent) {
    require_shape(in.query && in.key && in.value && in.decay && in.strength, "delta_rule",
                  "query, key, value, decay and strength");
    const std::initializer_list<std::optional<Var>> inputs{in.query, in.key,      in.value,
                                                           in.decay, in.strength, in.memory};
    Tape& tape = Tape::of("delta_rule", inputs);
    const auto value_of = [](const std::optional<Var>& x) { return x ? x->value() : ConstView{}; };
    const DeltaRuleCall call{each<ConstView>(in, value_of), tape.arena().copy(offsets), recurrent};
    const DeltaRuleShape s = delta_rule_shape(call);
    const bool needs_grad = any_needs_grad(inputs);
    const DeltaRuleSaved saved = needs_grad ? delta_rule_room(call, tape.arena()) : DeltaRuleSaved{};
    Var* const last = std::construct_at(tape.arena().take<Var>(1).data());
    const Var out = tape.record(s.rows, s.heads * s.value_width, needs_grad, DeltaRule{in, call, saved, last});
    *last = tape.record(s.sequences, s.heads * s.key_width * s.value_width, needs_grad, LastMemory{});
    delta_rule(call, saved, out.mutable_value(), last->mutable_value(), tape.arena());
    return {out, *last};
}

}  // namespace kvmem
