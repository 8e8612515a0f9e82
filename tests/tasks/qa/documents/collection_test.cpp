#include "kvmem/tasks/qa/documents/collection.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include "kvmem/text/tokenizer.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::documents;

static const std::vector<TitledText> films = {
    {"Kismet", "Kismet is a 1943 film. It was directed by Dr. J. Smith.\n\nIt won prizes."},
    {"", ""},
    {"Amélie", "Amélie est un film.\nDon't panic!"}};

TEST_CASE("texts in memory become documents with passages, sentences and tokens", "[documents]") {
    const Collection all = collect(films);
    all.validate("test");
    REQUIRE(all.files.size() == 3);
    REQUIRE(all.documents[0].title == "Kismet");
    CHECK(all.documents[0].passages == Range{0, 2});
    CHECK(all.documents[1].passages.size() == 0);
    REQUIRE(all.sentences.size() == 5);
    CHECK(all.text_of(all.sentences[1]) == "It was directed by Dr. J. Smith.");
    CHECK(all.text_of(all.sentences[4]) == "Don't panic!");
    CHECK(all.document_of(2) == 2);
    CHECK(all.file_of(2) == 2);
    CHECK(all.passage_of(2) == 1);
    CHECK(all.tokens_of(all.documents[0]).size() == 15);
}

TEST_CASE("every token and sentence of a plain text is its bytes", "[documents]") {
    const Collection all = collect(films);
    for (std::size_t d = 0; d < films.size(); ++d) {
        const Range sentences = all.sentences_of(all.documents[d]);
        for (Index s = sentences.first; s < sentences.last; ++s) {
            const Sentence& sentence = all.sentences[s];
            CHECK(films[d].text.substr(sentence.bytes.first, sentence.bytes.size()) == all.text_of(sentence));
            for (Index t = sentence.tokens.first; t < sentence.tokens.last; ++t) {
                const TokenSpan& token = all.tokens[t];
                CHECK(to_lower(films[d].text.substr(token.begin, token.size)) == all.words[token.word]);
            }
        }
    }
}

TEST_CASE("a merge depends on the files alone, not on the collections that they come from", "[documents]") {
    const Collection all = collect(films);
    const Collection first = collect(std::span(films).first(1)), last = collect(std::span(films).subspan(1));
    CHECK(merge(std::vector<Piece>{{&first, 0}, {&last, 0}, {&last, 1}}) == all);
    CHECK(merge(std::vector<Piece>{{&all, 0}}) == first);
    CHECK(merge(std::vector<Piece>{{&all, 1}, {&all, 2}}) == last);
}

TEST_CASE("documents are the same on any number of threads", "[documents]") {
    const std::vector<TitledText> many(50, films[0]);
    const Collection all = collect(many);
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        CHECK(collect(many) == all);
    }
}

TEST_CASE("a text that is not UTF-8 is no document", "[documents]") {
    CHECK_THROWS_AS(collect(std::vector<TitledText>{{"t", "a\xff"}}), Error);
}
