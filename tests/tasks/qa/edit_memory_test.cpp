#include "kvmem/tasks/qa/edit_memory.hpp"

#include "kvmem/core/error.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

static std::string refusal(const std::function<void()>& edit) {
    try {
        edit();
    } catch (const Error& e) {
        return e.what();
    }
    return "";
}

TEST_CASE("a fact that is added lies in the memory both ways, once", "[edit]") {
    QaDataset dataset = toy_kb();
    const Index slots = dataset.memory.size();
    add_fact(dataset, {"Newcomer", "lives_in", "City1"});
    REQUIRE(dataset.memory.size() == slots + 2);
    const Vocabulary& v = dataset.vocabulary;
    const Token person = *v.find(TokenKind::entity, "Newcomer"), city = *v.find(TokenKind::entity, "City1");
    CHECK(std::ranges::equal(dataset.memory.key[slots], std::vector{person, *v.find(TokenKind::relation, "lives_in")}));
    CHECK(dataset.memory.value[slots][0] == city);
    CHECK(std::ranges::equal(dataset.memory.key[slots + 1],
                             std::vector{city, *v.find(TokenKind::relation, "~lives_in")}));
    CHECK(std::ranges::binary_search(dataset.candidates, person));
    CHECK_NOTHROW(dataset.validate("toy"));
    add_fact(dataset, {"Newcomer", "lives_in", "City1"});
    CHECK(dataset.memory.size() == slots + 2);
    remove_fact(dataset, {"Newcomer", "lives_in", "City1"});
    CHECK(dataset.memory == toy_kb().memory);
}

TEST_CASE("edits that cannot be leave the memory as it was", "[edit]") {
    QaDataset dataset = toy_kb();
    const Slots before = dataset.memory;
    const Token tokens = dataset.vocabulary.size();
    CHECK_THAT(refusal([&] { add_fact(dataset, {"A", "eats", "B"}); }), Catch::Contains("lives_in"));
    CHECK_THAT(refusal([&] { add_fact(dataset, {"", "likes", "B"}); }), Catch::Contains("subject"));
    CHECK_THAT(refusal([&] { add_fact(dataset, {"A", "likes", "B\n"}); }), Catch::Contains("object"));
    CHECK_THAT(refusal([&] { add_fact(dataset, {"A", "likes", "\xff"}); }), Catch::Contains("UTF-8"));
    CHECK_THAT(refusal([&] { remove_fact(dataset, {"Person1", "likes", "City1"}); }), Catch::Contains("no such fact"));
    CHECK_THAT(refusal([&] { remove_fact(dataset, {"Nobody", "likes", "City1"}); }), Catch::Contains("no such fact"));
    CHECK(dataset.memory == before);
    CHECK(dataset.vocabulary.size() == tokens);
}

TEST_CASE("facts are written with bars between", "[edit]") {
    const NamedFact fact = parse_fact("Kismet | directed_by|William Dieterle");
    CHECK((fact.subject == "Kismet" && fact.relation == "directed_by" && fact.object == "William Dieterle"));
    for (const char* bad : {"", "a", "a|b", "a|b|c|d"}) CHECK_THROWS_AS(parse_fact(bad), UsageError);
}
