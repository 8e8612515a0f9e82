#include "kvmem/text/vocabulary.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

TEST_CASE("a new vocabulary holds the unknown token alone", "[vocabulary]") {
    const Vocabulary vocabulary;
    CHECK(vocabulary.size() == 1);
    CHECK(vocabulary.kind(unknown_token) == TokenKind::special);
    CHECK(vocabulary.text(unknown_token) == "<unknown>");
}

TEST_CASE("the same text of two kinds is two tokens, and of one kind one", "[vocabulary]") {
    Vocabulary vocabulary;
    const Token word = vocabulary.add(TokenKind::word, "act");
    const Token entity = vocabulary.add(TokenKind::entity, "act");
    CHECK(word != entity);
    CHECK(vocabulary.add(TokenKind::word, "act") == word);
    CHECK(vocabulary.find(TokenKind::entity, "act") == entity);
    CHECK_FALSE(vocabulary.find(TokenKind::relation, "act"));
    CHECK(vocabulary.size() == 3);
}

TEST_CASE("adding a known token leaves its count", "[vocabulary]") {
    Vocabulary vocabulary;
    const Token token = vocabulary.add(TokenKind::word, "who");
    CHECK(vocabulary.count(token) == 0);
    vocabulary.set_count(token, 7);
    vocabulary.add(TokenKind::word, "who");
    CHECK(vocabulary.count(token) == 7);
}

TEST_CASE("the empty text and texts with zero bytes are texts like others", "[vocabulary]") {
    Vocabulary vocabulary;
    const Token empty = vocabulary.add(TokenKind::word, "");
    const Token zero = vocabulary.add(TokenKind::word, std::string_view("\0", 1));
    CHECK(empty != zero);
    CHECK(vocabulary.find(TokenKind::word, "") == empty);
    CHECK(vocabulary.text(zero).size() == 1);
}

TEST_CASE("reversing a relation twice gives it back", "[vocabulary]") {
    CHECK(reversed_relation("directed_by") == "~directed_by");
    CHECK(reversed_relation("~directed_by") == "directed_by");
    CHECK(reversed_relation("") == "~");
}

TEST_CASE("words of another lower case are found by theirs, where no other word has it", "[vocabulary]") {
    Vocabulary vocabulary;
    const Token viet = vocabulary.add(TokenKind::word, "viỆt"), upper = vocabulary.add(TokenKind::word, "ǍB");
    const Token lower = vocabulary.add(TokenKind::word, "ǎb"), decomposed = vocabulary.add(TokenKind::word, "e\u0301");
    const Token entity = vocabulary.add(TokenKind::entity, "Ạ");
    CHECK_FALSE(vocabulary.find(TokenKind::word, "việt"));
    vocabulary.find_words_by_lower_case();
    CHECK(vocabulary.find(TokenKind::word, "việt") == viet);
    CHECK(vocabulary.add(TokenKind::word, "việt") == viet);
    CHECK(vocabulary.find(TokenKind::word, "ǍB") == upper);
    CHECK(vocabulary.find(TokenKind::word, "ǎb") == lower);
    CHECK(vocabulary.find(TokenKind::word, "é") == decomposed);
    CHECK(vocabulary.find(TokenKind::entity, "Ạ") == entity);
    CHECK_FALSE(vocabulary.find(TokenKind::entity, "ạ"));
    CHECK(vocabulary.size() == 6);
}
