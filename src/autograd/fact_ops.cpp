#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

EntityState start_state(Tape& tape, RaggedView<Token> entities) {
    require_shape(entities.valid(), "start_state", "rows of entities");
    const RaggedView<Token> starts = copy(tape.arena(), entities);
    const View weight = tape.arena().matrix(std::ssize(starts.values), 1);
    Real* to = weight.data;
    for (Index b = 0; b < starts.size(); ++b)
        to = std::fill_n(to, starts[b].size(), Real{1} / static_cast<Real>(starts[b].size()));
    return {starts, tape.constant(weight)};
}

namespace {
struct ReadFacts {
    const Facts* facts;
    EntityState from;
    Var relations;
    RaggedView<Token> starts;
    std::optional<Var> gate;
    Real least;
    RaggedView<Token> reached;

    // What the kernel takes, the same forward and backward.
    StateView state() const { return {from.entities, from.weight.value().span()}; }
    FactHop hop() const { return {relations.value(), starts, gate ? gate->value().data[0] : Real{1}, least}; }

    void backward(Tape& tape, Var out) const {
        // Constants have no gradient: the kernel leaves out what is empty or null.
        const FactGradients gradients{
            .state = from.weight.needs_grad() ? from.weight.grad().span() : std::span<Real>{},
            .relations = relations.grad(),
            .gate = gate && gate->needs_grad() ? gate->grad().data : nullptr,
        };
        read_facts_backward(*facts, state(), hop(), reached, out.grad().span(), gradients,
                            tape.zeros(facts->entities()));
    }
};
}  // namespace

EntityState read_facts(const Facts& facts, const EntityState& state, Var relations, RaggedView<Token> starts,
                       std::optional<Var> gate, Real least) {
    Tape& tape = Tape::of("read_facts", {relations, state.weight, gate});
    require_shape(!gate || gate->value().size() == 1, "read_facts", "a gate [1, 1]");
    ReadFacts hop{&facts, state, relations, copy(tape.arena(), starts), gate, least, {}};
    // How many entities a hop reaches is only known afterwards.
    Ragged<Token> entities;
    std::vector<Real> weight;
    read_facts(facts, hop.state(), hop.hop(), entities, weight, tape.zeros(facts.entities()));
    hop.reached = copy<Token>(tape.arena(), entities);
    const Var out = tape.record(std::ssize(weight), 1, any_needs_grad({relations, state.weight, gate}), hop);
    std::ranges::copy(weight, out.mutable_value().data);
    return {hop.reached, out};
}

namespace {
struct AnswerLoss {
    Var weight;
    std::span<Real> gradient;  // of a loss whose own gradient is 1

    void backward(Tape&, Var out) const {
        accumulate(weight.grad(), out.grad().data[0], {gradient.data(), std::ssize(gradient), 1});
    }
};
}  // namespace

Var answer_loss(const EntityState& state, RaggedView<Token> answers, const AnswerPrior& prior) {
    Tape& tape = Tape::of("answer_loss", {state.weight});
    const AnswerLoss saved{state.weight, tape.arena().take<Real>(state.weight.rows())};
    const auto losses = tape.arena().take<Real>(state.entities.size());
    answer_loss({state.entities, state.weight.value().span()}, answers, prior, losses, saved.gradient);
    const Var out = tape.record(1, 1, state.weight.needs_grad(), saved);
    out.mutable_value().data[0] = static_cast<Real>(std::accumulate(losses.begin(), losses.end(), 0.0));
    return out;
}

}  // namespace kvmem
