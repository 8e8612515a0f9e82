#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"
#include "support/random_facts.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace {

struct Walk {
    Facts facts = random_facts(12, 3, 40, 1);
    Ragged<Token> starts = random_entities(4, 12, 3, 2);
    Parameters parameters;
    Parameter& first = parameters.add("first", random_weights(4, 4, 3));
    Parameter& second = parameters.add("second", random_weights(4, 4, 4));
    Parameter& gate = parameters.add("gate", random_weights(1, 1, 5));

    EntityState end(Tape& tape, bool gated, const FactSample& sample = {}) {
        EntityState state = start_state(tape, starts);
        for (const Parameter* relations : {&first, &second})
            state = read_facts(facts, state, tape.parameter(*relations), starts,
                               gated ? std::optional(tape.parameter(gate)) : std::nullopt, 0, sample);
        return state;
    }
};

}  // namespace

TEST_CASE("hops over facts have the right gradients", "[facts]") {
    Walk walk;
    for (const bool gated : {true, false})
        check_gradients(walk.parameters, [&](Tape& t) { return walk.end(t, gated).weight; });
}

TEST_CASE("hops over samples of facts have the right gradients", "[facts]") {
    Walk walk;
    walk.facts = random_facts(12, 3, 150, 1);
    for (const bool gated : {true, false})
        for (const Index max_fanout : {1, 2, 3, 100})
            check_gradients(walk.parameters, [&](Tape& t) { return walk.end(t, gated, {max_fanout, 5}).weight; });
}

TEST_CASE("a hop hands gradients on to its state and gate where relations have none", "[facts]") {
    Walk walk;
    const Matrix fixed = walk.second.value, fixed_gate = walk.gate.value;
    for (const bool gated : {true, false})
        check_gradients(walk.parameters, [&](Tape& t) {
            const EntityState first =
                read_facts(walk.facts, start_state(t, walk.starts), t.parameter(walk.first), walk.starts);
            return read_facts(walk.facts, first, t.constant(fixed), walk.starts,
                              gated ? t.parameter(walk.gate) : t.constant(fixed_gate))
                .weight;
        });
}

TEST_CASE("the loss of answers has the right gradients", "[facts]") {
    Walk walk;
    Ragged<Token> answers = random_entities(4, 12, 4, 9);
    check_gradients(walk.parameters, [&](Tape& t) {
        return answer_loss(walk.end(t, true), answers, {.weight = 0.3, .candidates = 12});
    });
}

TEST_CASE("a start state shares one evenly", "[facts]") {
    Tape tape;
    Ragged<Token> entities;
    entities.push_row(std::vector<Token>{5, 2});
    entities.push_row(std::vector<Token>{});
    entities.push_row(std::vector<Token>{1});
    const EntityState state = start_state(tape, entities);
    CHECK(std::ranges::equal(state.weight.value().span(), std::vector<Real>{0.5, 0.5, 1}));
    Walk walk;
    const Matrix wide(1, 2);
    CHECK_THROWS_AS(read_facts(walk.facts, start_state(tape, walk.starts), tape.parameter(walk.first), walk.starts,
                               tape.constant(wide)),
                    Error);
}
