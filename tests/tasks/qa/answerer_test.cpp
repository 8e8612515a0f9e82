#include "kvmem/tasks/qa/answerer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/edit_memory.hpp"
#include "support/import_helpers.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

static Answerer taught_answerer(QaDataset memory = toy_kb()) {
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    teach(model, dataset, 15);
    return {std::make_unique<KvMemNN>(std::move(model)), std::move(memory)};
}

static double sum_of_weights(const Answer::Hop& hop) {
    double sum = 0;
    for (const Answer::ReadSlot& slot : hop.heads.at(0).slots) sum += slot.weight;
    return sum;
}

TEST_CASE("an answer says what it is, how sure, and what it was read from", "[answerer]") {
    const Answerer answerer = taught_answerer();
    const Answer answer = answerer.ask("Where does Person50 live?", {.candidates = 3, .slots = 100});
    REQUIRE(answer.candidates.size() == 3);
    CHECK(answer.candidates[0].text == "City6");
    CHECK(answer.candidates[0].score >= answer.candidates[1].score);
    CHECK(answer.candidates[0].weight > 0.5);
    CHECK(answer.entities == std::vector<std::string>{"Person50"});
    CHECK(answer.unknown_words.empty());
    CHECK(answer.suggestions.empty());
    CHECK(answer.slots == 3);
    REQUIRE(answer.hops.size() == 2);
    for (const Answer::Hop& hop : answer.hops) {
        REQUIRE(hop.heads.size() == 1);
        CHECK(hop.heads[0].slots.size() == 3);
        CHECK(sum_of_weights(hop) == Approx(1).margin(1e-4));
    }
    CHECK(answer.hops.back().heads[0].slots[0].key == "Person50 lives_in");
    CHECK(answer.hops.back().heads[0].slots[0].value == "City6");
}

TEST_CASE("an answer shows as much as is asked for", "[answerer]") {
    const Answerer answerer = taught_answerer();
    const Answer all = answerer.ask("where does Person50 live", {.candidates = 100000, .slots = 0});
    CHECK(all.candidates.size() == answerer.model().candidates().size());
    double sum = 0;
    for (const Answer::Candidate& c : all.candidates) sum += c.weight;
    CHECK(sum == Approx(1).margin(1e-4));
    CHECK(all.hops.at(0).heads.at(0).slots.empty());
}

TEST_CASE("words that training never saw are named, and names that were misspelt corrected", "[answerer]") {
    const Answerer answerer = taught_answerer();
    CHECK(answerer.ask("where on earth does Person50 live").unknown_words == std::vector<std::string>{"on", "earth"});
    const Answer answer = answerer.ask("where does Persn50 live");
    CHECK(answer.entities.empty());
    CHECK(contains(answer.suggestions, "Person50"));
    CHECK(answer.candidates.empty());  // there is nothing to read
    CHECK(answer.hops.empty());
}

TEST_CASE("a question without words has no answer, and an empty one is an error", "[answerer]") {
    const Answerer answerer = taught_answerer();
    for (const char* blank : {"", " \t\n"}) CHECK_THROWS_WITH(answerer.ask(blank), Catch::Contains("empty"));
    const Answer answer = answerer.ask("?");
    CHECK(answer.candidates.empty());
    CHECK(answer.slots == 0);
}

TEST_CASE("a question can bring slots of its own", "[answerer]") {
    const Answerer answerer = taught_answerer();
    const Answer answer = answerer.ask("where does Person50 live", {.slots = 10}, {{"a letter", "Job2"}});
    CHECK(answer.slots == 4);
    CHECK(answer.hops[0].heads[0].slots.size() == 4);
    const Answer alone = answerer.ask("where", {}, {{"where", "Job2"}, {"", "nobody"}});
    REQUIRE(alone.slots == 2);
    CHECK(alone.candidates[0].text == "Job2");
}

TEST_CASE("a memory may hold entities that the model never saw", "[answerer]") {
    QaDataset memory;
    Vocabulary& v = memory.vocabulary;
    const Token person = v.add(TokenKind::entity, "Zoe"), city = v.add(TokenKind::entity, "Zanzibar");
    const Token job = v.add(TokenKind::entity, "Zoologist");
    for (const auto& [relation, value] : {std::pair{"works_as", job}, {"lives_in", city}}) {
        memory.memory.key.push_row(std::vector{person, v.add(TokenKind::relation, relation)});
        memory.memory.value.push_row(std::vector{value});
    }
    memory.candidates = {city, job};
    const Answerer answerer = taught_answerer(memory);
    CHECK(answerer.ask("where does Zoe live").candidates.at(0).text == "Zanzibar");
    CHECK(answerer.ask("what is the work of Zoe").candidates.at(0).text == "Zoologist");
    CHECK(answerer.ask("where does Person50 live").candidates.empty());  // of whom this memory knows nothing
}

// A model that was trained beside these names, which reads a memory of others.
static Answer asked_beside(const std::vector<std::string>& names_of_training, const std::string& question) {
    QaDataset memory = toy_kb(), trained = memory;
    for (const std::string& name : names_of_training) trained.vocabulary.add(TokenKind::entity, name);
    add_fact(memory, {"Who Stole Tess", "lives_in", "City3"});
    return Answerer(std::make_unique<KvMemNN>(toy_model(trained)), memory).ask(question);
}

TEST_CASE("names that training alone knew do not stand in the way of those that the memory holds", "[answerer]") {
    using Names = std::vector<std::string>;
    CHECK(asked_beside({"Who Stole Tess?"}, "where does Who Stole Tess? live").entities == Names{"Who Stole Tess"});
    CHECK(asked_beside({"who stole tess"}, "where does who stole tess live").entities == Names{"Who Stole Tess"});
    CHECK(asked_beside({"Tess Live"}, "where does who stole tess live").entities == Names{"Who Stole Tess"});
    CHECK(asked_beside({"Does Who Stole Tess"}, "where [does Who stole Tess]").entities == Names{"Who Stole Tess"});
    const Answer answer = asked_beside({"Who Stole Ted"}, "where does Who Stole Ted live");
    CHECK(answer.entities.empty());
    CHECK(answer.suggestions.front() == "Who Stole Tess");
}

TEST_CASE("a memory without candidates answers nothing", "[answerer]") {
    QaDataset memory = toy_kb();
    memory.candidates.clear();
    CHECK(taught_answerer(memory).ask("where does Person50 live").candidates.empty());
}

TEST_CASE("text that is none is an error", "[answerer]") {
    const Answerer answerer = taught_answerer();
    CHECK_THROWS_AS(answerer.ask("where does \xff live"), Error);
    CHECK_THROWS_AS(answerer.ask("where does [Person50 live"), Error);
    CHECK_THROWS_AS(answerer.ask("where", {}, {{"\xff", "Job2"}}), Error);
}
