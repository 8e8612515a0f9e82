#include "kvmem/kernels/facts.hpp"

#include "kvmem/core/error.hpp"
#include "support/random_facts.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>

using namespace kvmem;
using namespace kvmem::test;

namespace {

struct State {
    Ragged<Token> entities;
    std::vector<Real> weight;

    StateView view() const { return {entities, weight}; }
    std::map<Token, Real> of(Index question) const {
        std::map<Token, Real> all;
        for (std::size_t i = 0; i < entities[question].size(); ++i) {
            const auto [at, is_new] =
                all.emplace(entities[question][i],
                            weight[static_cast<std::size_t>(entities.offsets[static_cast<std::size_t>(question)]) + i]);
            CHECK(is_new);  // no entity twice
        }
        return all;
    }
};

State evenly(Ragged<Token> entities) {
    const std::size_t count = entities.values.size();
    return {std::move(entities), std::vector<Real>(count, 1)};
}

template <class Read>
State read(Read reader, const Facts& facts, const State& state, const FactHop& hop) {
    std::vector<Real> zeros(static_cast<std::size_t>(facts.entities()));
    State out;
    reader(facts, state.view(), hop, out.entities, out.weight, zeros);
    CHECK(std::ranges::count(zeros, 0) == facts.entities());  // as they were lent
    return out;
}

void check_same(const State& a, const State& b, Index questions) {
    REQUIRE(a.entities.size() == questions);
    REQUIRE(b.entities.size() == questions);
    for (Index q = 0; q < questions; ++q) {
        const auto some = a.of(q), others = b.of(q);
        REQUIRE(some.size() == others.size());
        for (const auto& [entity, weight] : some) CHECK(weight == Approx(others.at(entity)).epsilon(1e-5));
    }
}

}  // namespace

TEST_CASE("zeros that a backward pass over facts was lent are zeros again", "[facts]") {
    const Facts facts({{0, 0, 1}, {0, 0, 2}, {1, 1, 2}, {2, 0, 3}}, 4, 2);
    Ragged<Token> entities, starts;
    for (const Token start : {0, 1}) entities.push_row(std::vector{start}), starts.push_row(std::vector{start});
    const State state = evenly(entities);
    Matrix relations(2, 3);
    relations.fill(1);
    const FactHop hop{.relations = relations, .starts = starts};
    const State reached = read(read_facts, facts, state, hop);
    std::vector<Real> zeros(4), gradient(reached.weight.size(), 1), to_state(2);
    Matrix to_relations(2, 3);
    read_facts_backward(facts, state.view(), hop, reached.entities, gradient,
                        {.state = to_state, .relations = to_relations}, zeros);
    CHECK(zeros == std::vector<Real>(4));
    CHECK(to_state == std::vector<Real>{3, 2});  // two facts, or one, and staying
}

TEST_CASE("facts are found by subject and relation, each once", "[facts]") {
    const Facts facts({{2, 1, 0}, {0, 0, 1}, {2, 0, 1}, {2, 1, 0}, {2, 0, 0}}, 3, 2);
    CHECK(facts.size() == 4);
    CHECK(facts.entities() == 3);
    CHECK(facts.relations() == 2);
    const auto [first, last] = facts.keys_of(2);
    REQUIRE(last - first == 2);
    CHECK(facts.row(first).relation == 0);
    CHECK(std::ranges::equal(facts.row(first).objects, std::vector<Token>{0, 1}));
    CHECK(facts.row(first + 1).relation == 1);
    CHECK(facts.keys_of(1).first == facts.keys_of(1).second);
    CHECK(Facts({}, 0, 0).size() == 0);
    CHECK(Facts({}, 5, 2).keys_of(4) == std::pair<Index, Index>{0, 0});
    for (const Fact& bad : {Fact{3, 0, 0}, {0, 2, 0}, {0, 0, 3}, {-1, 0, 0}, {0, -1, 0}, {0, 0, -1}})
        CHECK_THROWS_AS(Facts({bad}, 3, 2), Error);
    CHECK_THROWS_AS(Facts({}, -2, 1), Error);
    CHECK_THROWS_AS(Facts({}, 1, -1), Error);
}

TEST_CASE("a hop reads what the dense sum over all facts gives", "[facts]") {
    for (const auto& [entities, relations, count, questions] : {std::array<Index, 4>{1, 1, 1, 1},
                                                                {7, 2, 20, 3},
                                                                {50, 3, 400, 5},
                                                                {300, 9, 3000, 4},
                                                                {5, 1, 0, 2},
                                                                {9, 2, 30, 0}}) {
        const Facts facts = random_facts(entities, relations, count, 3);
        const Ragged<Token> starts = random_entities(questions, entities, 3, 4);
        Matrix relations_followed = random_weights(questions, relations + 1, 5);
        for (const Real gate : {Real{1}, Real{0}, Real{0.25}})
            for (const Real least : {Real{0}, Real{0.5}}) {
                const FactHop hop{relations_followed, starts, gate, least};
                State fast = evenly(starts), slow = fast;
                for (int h = 0; h < 3; ++h) {
                    fast = read(read_facts, facts, fast, hop);
                    slow = read(read_facts_naive, facts, slow, hop);
                    check_same(fast, slow, questions);
                }
            }
    }
}

namespace {

// A subject with `objects` objects under relation 0, and what a question reads of it from there.
State read_star(Token objects, const FactSample& sample) {
    std::vector<Fact> facts;
    for (Token o = 1; o <= objects; ++o) facts.push_back({0, 0, o});
    Ragged<Token> starts;
    starts.push_row(std::vector<Token>{0});
    Matrix follow(1, 2);
    follow(0, 0) = 1;
    return read(read_facts, Facts(std::move(facts), objects + 1, 1), evenly(starts),
                {.relations = follow, .starts = starts, .sample = sample});
}

}  // namespace

TEST_CASE("a sample has as many objects of a large key as it may, with the weight of all", "[facts]") {
    for (const Token objects : {0, 1, 2, 10})
        for (const Index max_fanout : {0, 1, 3, 9, 10, 11})
            for (std::uint64_t seed = 0; seed < 20; ++seed) {
                const auto sampled = read_star(objects, {max_fanout, seed}).of(0);
                const Index wanted = max_fanout == 0 ? objects : std::min<Index>(objects, max_fanout);
                REQUIRE(std::ssize(sampled) == wanted);
                for (const auto& [object, weight] : sampled)
                    CHECK(weight == Approx(static_cast<double>(objects) / static_cast<double>(wanted)));
            }
    std::vector<int> drawn(11);
    for (std::uint64_t seed = 0; seed < 2000; ++seed)
        for (const auto& [object, weight] : read_star(10, {3, seed}).of(0)) ++drawn[static_cast<std::size_t>(object)];
    for (std::size_t object = 1; object <= 10; ++object) CHECK(drawn[object] == Approx(600).margin(80));
    CHECK(read_star(10, {3, 5}).of(0) == read_star(10, {3, 5}).of(0));
    CHECK_THROWS_AS(read_star(10, {-1, 0}), Error);
}

TEST_CASE("hops that read samples have the expectation of hops that read all facts", "[facts]") {
    const Facts facts = random_facts(9, 2, 90, 1);
    const Ragged<Token> starts = random_entities(3, 9, 3, 4);
    const Matrix relations = random_weights(3, 3, 5);
    constexpr int draws = 20'000, hops = 3;
    State exact = evenly(starts);
    for (int h = 0; h < hops; ++h) exact = read(read_facts_naive, facts, exact, {relations, starts, 0.25F});
    std::vector<std::map<Token, Real>> mean(3);
    Rng rng(7);
    for (int i = 0; i < draws; ++i) {
        State state = evenly(starts);
        for (int h = 0; h < hops; ++h)
            state =
                read(read_facts, facts, state, {relations, starts, 0.25F, 0, {.max_fanout = 2, .seed = rng.bits()}});
        for (Index q = 0; q < 3; ++q)
            for (const auto& [entity, weight] : state.of(q))
                mean[static_cast<std::size_t>(q)][entity] += weight / draws;
    }
    for (Index q = 0; q < 3; ++q)
        for (const auto& [entity, weight] : exact.of(q))
            CHECK(mean[static_cast<std::size_t>(q)][entity] == Approx(weight).epsilon(0.03));
}

TEST_CASE("what returns to a start is gated, what stays there is not", "[facts]") {
    const Facts facts({{0, 0, 1}, {1, 0, 0}}, 2, 1);
    Matrix both(1, 2);
    both(0, 0) = both(0, 1) = 0.5;
    Ragged<Token> starts;
    starts.push_row(std::vector<Token>{0});
    const FactHop hop{both, starts, 0, 0};
    State state = read(read_facts, facts, evenly(starts), hop);
    CHECK(state.of(0) == std::map<Token, Real>{{0, 0.5F}, {1, 0.5F}});
    state = read(read_facts, facts, state, hop);
    CHECK(state.of(0) == std::map<Token, Real>{{0, 0.25F}, {1, 0.5F}});
}

TEST_CASE("hops refuse what does not fit the memory", "[facts]") {
    const Facts facts = random_facts(5, 2, 10, 1);
    const Matrix relations = random_weights(1, 3, 2);
    Ragged<Token> one, outside, none;
    one.push_row(std::vector<Token>{4});
    outside.push_row(std::vector<Token>{5});
    const auto hop = [&](const Ragged<Token>& state, const Ragged<Token>& starts, ConstView followed) {
        return read(read_facts, facts, evenly(state), {followed, starts});
    };
    CHECK_NOTHROW(hop(one, one, relations));
    CHECK_THROWS_AS(hop(outside, one, relations), Error);
    CHECK_THROWS_AS(hop(one, outside, relations), Error);
    CHECK_THROWS_AS(hop(one, none, relations), Error);
    CHECK_THROWS_AS(hop(none, none, relations), Error);
    const Matrix narrow = random_weights(1, 2, 2);
    CHECK_THROWS_AS(hop(one, one, narrow), Error);
}

TEST_CASE("the loss of answers is minus the log of their share, and finite without any weight", "[facts]") {
    State state;
    state.entities.push_row(std::vector<Token>{3, 1, 2});
    state.entities.push_row(std::vector<Token>{});
    state.entities.push_row(std::vector<Token>{1});
    state.weight = {1, 2, 5, 4};
    Ragged<Token> answers;
    answers.push_row(std::vector<Token>{1, 3});
    answers.push_row(std::vector<Token>{7});
    answers.push_row(std::vector<Token>{});  // unanswerable: costs nothing
    std::vector<Real> losses(3), gradient(4);
    const AnswerPrior prior{.weight = 0.1, .candidates = 50};
    answer_loss(state.view(), answers, prior, losses, gradient);
    CHECK(losses[0] == Approx(-std::log((3 + 0.1 * 2 / 50) / 8.1)));
    CHECK(losses[1] == Approx(std::log(50)));
    CHECK(losses[2] == 0);
    CHECK(gradient[2] == Approx(1 / 8.1));
    CHECK(gradient[3] == 0);
    std::vector<Real> few(2);
    CHECK_THROWS_AS(answer_loss(state.view(), answers, prior, few, gradient), Error);
    CHECK_THROWS_AS(answer_loss(state.view(), answers, prior, losses, few), Error);
}
