#include "tasks/qa/fact_index.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace kvmem;

using Tokens = std::vector<Token>;

// Films 1 to 4 with directors 11 and 12; "directed by" is 21 and read in reverse 22, "has genre" is 23.
static Slots films() {
    Slots slots;
    const auto add = [&](Token entity, Token relation, Token value) {
        slots.key.push_row(std::array{entity, relation});
        slots.value.push_row(std::array{value});
    };
    for (const auto& [film, director] : {std::array{1, 11}, std::array{2, 11}, std::array{3, 11}, std::array{4, 12}}) {
        add(film, 21, director);
        add(director, 22, film);
    }
    add(3, 23, 32);
    add(2, 23, 31);
    add(1, 23, 30);
    return slots;
}

TEST_CASE("a path of relations is followed to everything it reaches", "[import][fact_index]") {
    const FactIndex facts(films());
    CHECK(facts.follow(11, Tokens{22}, 100) == Tokens{1, 2, 3});
    CHECK(facts.follow(11, Tokens{22, 23}, 100) == Tokens{30, 31, 32});
    CHECK(facts.follow(3, Tokens{21, 22, 23}, 100) == Tokens{30, 31});
    CHECK(facts.follow(4, Tokens{23}, 100).empty());
    CHECK(facts.follow(99, Tokens{21, 22}, 100).empty());
}

TEST_CASE("a path never comes back to where it starts", "[import][fact_index]") {
    const FactIndex facts(films());
    CHECK(facts.follow(2, Tokens{21, 22}, 100) == Tokens{1, 3});
    CHECK(facts.follow(4, Tokens{21, 22}, 100).empty());
    CHECK(facts.follow(4, Tokens{21, 22, 21}, 100).empty());
}

TEST_CASE("a path that reaches too many leads nowhere", "[import][fact_index]") {
    const FactIndex facts(films());
    CHECK(facts.follow(11, Tokens{22}, 3).size() == 3);
    CHECK(facts.follow(11, Tokens{22}, 2).empty());
    CHECK(facts.follow(1, Tokens{21, 22}, 2).size() == 2);  // the start is not among them
    CHECK(facts.follow(1, Tokens{21, 22}, 1).empty());
}

TEST_CASE("keys come in the order of the facts", "[import][fact_index]") {
    const FactIndex facts(films());
    REQUIRE(facts.keys().size() == 4 + 2 + 3);
    CHECK(facts.keys()[0] == std::pair<Token, Token>{1, 21});
    CHECK(facts.keys()[1] == std::pair<Token, Token>{11, 22});
    CHECK(facts.keys()[2] == std::pair<Token, Token>{2, 21});
    CHECK(facts.values(11, 22).size() == 3);
    CHECK(facts.values(11, 21).empty());
}
