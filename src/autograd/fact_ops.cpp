#include "autograd/accumulate.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <numeric>

namespace kvmem {

static RaggedView<Token> copy(Arena& arena, RaggedView<Token> rows) {
    return {arena.copy(rows.values), arena.copy(rows.offsets)};
}

EntityState start_state(Tape& tape, RaggedView<Token> entities) {
    require_shape(entities.valid(), "start_state", "rows of entities");
    const RaggedView<Token> kept = copy(tape.arena(), entities);
    const View weight = tape.arena().matrix(std::ssize(kept.values), 1);
    Index at = 0;
    for (Index b = 0; b < kept.size(); ++b)
        for (std::size_t i = 0; i < kept[b].size(); ++i)
            weight.data[at++] = Real{1} / static_cast<Real>(kept[b].size());
    return {kept, tape.constant(weight)};
}

namespace {
struct ReadFacts {
    const Facts* facts;
    EntityState from;
    Var relations;
    RaggedView<Token> starts;
    std::optional<Var> gate;
    Real least;
    FactSample sample;
    RaggedView<Token> reached;

    StateView state() const { return {from.entities, from.weight.value().span()}; }
    FactHop hop() const { return {relations.value(), starts, gate ? gate->value().data[0] : Real{1}, least, sample}; }
};
}  // namespace

static void read_facts_backward(Tape& tape, Var out, const void* payload) {
    const auto& p = *static_cast<const ReadFacts*>(payload);
    const FactGradients gradients{
        .state = p.from.weight.needs_grad() ? p.from.weight.grad().span() : std::span<Real>{},
        .relations = p.relations.grad(),
        .gate = p.gate && p.gate->needs_grad() ? p.gate->grad().data : nullptr,
    };
    read_facts_backward(*p.facts, p.state(), p.hop(), p.reached, out.grad().span(), gradients,
                        tape.zeros(p.facts->entities()));
}

EntityState read_facts(const Facts& facts, const EntityState& state, Var relations, RaggedView<Token> starts,
                       std::optional<Var> gate, Real least, const FactSample& sample) {
    Tape& tape = Tape::of("read_facts", {relations, state.weight, gate});
    require_shape(!gate || gate->value().size() == 1, "read_facts", "a gate [1, 1]");
    ReadFacts kept{&facts, state, relations, copy(tape.arena(), starts), gate, least, sample, {}};
    Ragged<Token> entities;
    std::vector<Real> weight;
    read_facts(facts, kept.state(), kept.hop(), entities, weight, tape.zeros(facts.entities()));
    kept.reached = copy(tape.arena(), entities);
    const bool needs_grad = relations.needs_grad() || state.weight.needs_grad() || (gate && gate->needs_grad());
    const Var out = tape.record(std::ssize(weight), 1, needs_grad, read_facts_backward, kept);
    std::ranges::copy(weight, out.value().data);
    return {kept.reached, out};
}

namespace {
struct AnswerLoss {
    Var weight;
    std::span<Real> gradient;  // of a loss whose own gradient is 1
};
}  // namespace

Var answer_loss(const EntityState& state, RaggedView<Token> answers, const AnswerPrior& prior) {
    Tape& tape = Tape::of("answer_loss", {state.weight});
    const AnswerLoss kept{state.weight, tape.arena().take<Real>(state.weight.rows())};
    const auto losses = tape.arena().take<Real>(state.entities.size());
    answer_loss({state.entities, state.weight.value().span()}, answers, prior, losses, kept.gradient);
    const Var out = tape.record(
        1, 1, state.weight.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const AnswerLoss*>(payload);
            accumulate(p.weight.grad(), o.grad().data[0], {p.gradient.data(), std::ssize(p.gradient), 1});
        },
        kept);
    out.value().data[0] = static_cast<Real>(std::accumulate(losses.begin(), losses.end(), 0.0));
    return out;
}

}  // namespace kvmem
