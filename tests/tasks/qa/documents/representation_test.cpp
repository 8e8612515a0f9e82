#include "kvmem/tasks/qa/documents/representation.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::documents;

namespace {

const std::string text = "Ridley Scott shot Blade Runner late. It stars Harrison Ford.";

// A slot as text: "key -> value", where names have brackets and tokens of the second dictionary a prime.
std::string shown(const Vocabulary& vocabulary, std::span<const Token> tokens) {
    std::string all;
    for (const Token token : tokens) {
        const TokenKind kind = vocabulary.kind(token);
        const bool name = first_kind(kind) == TokenKind::entity;
        all += (all.empty() ? "" : " ") + (name ? "[" + vocabulary.text(token) + "]" : vocabulary.text(token)) +
               (first_kind(kind) == kind ? "" : "'");
    }
    return all;
}

struct Read {
    Vocabulary vocabulary;
    DocumentMemory memory;

    std::vector<std::string> slots() const {
        std::vector<std::string> all;
        for (Index i = 0; i < memory.slots.size(); ++i)
            all.push_back(shown(vocabulary, memory.slots.key[i]) + " -> " + shown(vocabulary, memory.slots.value[i]));
        return all;
    }
};

Read read(const std::vector<TitledText>& texts, const RepresentationOptions& options,
          const std::vector<std::string>& names = {"Ridley Scott", "Harrison Ford"}) {
    Read read;
    for (const std::string& name : names) read.vocabulary.add(TokenKind::entity, name);
    read.memory = represent(collect(texts), read.vocabulary, options);
    return read;
}

Read read_film(Representation representation) {
    return read({{"Blade Runner", text}}, {.representation = representation});
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a sentence is key and value", "[representation]") {
    CHECK(read_film(Representation::sentence).slots() ==
          Lines{"[Ridley Scott] shot [Blade Runner] late -> [Ridley Scott] shot [Blade Runner] late",
                "it stars [Harrison Ford] -> it stars [Harrison Ford]"});
}

TEST_CASE("windows run across sentences and end with the document", "[representation]") {
    CHECK(read_film(Representation::window).slots() ==
          Lines{"[Blade Runner] [Ridley Scott] shot [Blade Runner] late -> [Ridley Scott]",
                "[Blade Runner] late it stars [Harrison Ford] -> [Harrison Ford]"});
}

TEST_CASE("words around a mention are in the second dictionary, the mention in the first", "[representation]") {
    CHECK(read_film(Representation::window_centre).slots() ==
          Lines{"[Blade Runner]' [Ridley Scott] shot' [Blade Runner]' late' -> [Ridley Scott]",
                "[Blade Runner]' late' it' stars' [Harrison Ford] -> [Harrison Ford]"});
}

TEST_CASE("a mention has a slot for itself, unless it is the title, and one for the title", "[representation]") {
    CHECK(read_film(Representation::window_title).slots() ==
          Lines{"<centre> [Blade Runner] [Ridley Scott] shot [Blade Runner] late -> [Ridley Scott]",
                "<title> [Ridley Scott] shot [Blade Runner] late -> [Blade Runner]",
                "<title> [Ridley Scott] shot [Blade Runner] late it stars -> [Blade Runner]",
                "<centre> [Blade Runner] late it stars [Harrison Ford] -> [Harrison Ford]",
                "<title> late it stars [Harrison Ford] -> [Blade Runner]"});
}

TEST_CASE("with title and centre the example of the paper's authors has these tokens", "[representation]") {
    CHECK(read_film(Representation::window_centre_title).slots() ==
          Lines{"<centre> [Blade Runner]' [Ridley Scott] shot' [Blade Runner]' late' -> [Ridley Scott]",
                "<title> [Ridley Scott] shot' [Blade Runner]' late' -> [Blade Runner]",
                "<title> [Ridley Scott]' shot' [Blade Runner] late' it' stars' -> [Blade Runner]",
                "<centre> [Blade Runner]' late' it' stars' [Harrison Ford] -> [Harrison Ford]",
                "<title> late' it' stars' [Harrison Ford] -> [Blade Runner]"});
}

TEST_CASE("a slot knows the document and the bytes of its mention", "[representation]") {
    const Read r = read({{"Other", "Nobody knows it."}, {"Blade Runner", text}}, {});
    REQUIRE(r.memory.origin.size() == static_cast<std::size_t>(r.memory.slots.size()));
    const SlotOrigin& last = r.memory.origin.back();
    CHECK(last.document == 1);
    CHECK(text.substr(last.begin, last.end - last.begin) == "Harrison Ford");
}

TEST_CASE("bytes of mentions are those of the file, whatever its letters", "[representation]") {
    const std::string other = "Amélie's café, « Le Café », serves Zoë.";
    const Read r = read({{"", other}}, {.representation = Representation::window}, {"Amélie", "Le Café", "Zoë"});
    Lines found;
    for (const SlotOrigin& o : r.memory.origin) found.push_back(other.substr(o.begin, o.end - o.begin));
    CHECK(found == Lines{"Amélie's", "Le Café", "Zoë"});
}

TEST_CASE("mentions are names as they are spelled, in any case, or within longer ones too", "[representation]") {
    const std::vector<TitledText> texts{{"", "A romantic comedy by Ann."}};
    const auto values = [&](Mentions mentions) {
        const Read r = read(texts, {.representation = Representation::window, .mentions = mentions},
                            {"Romantic Comedy", "Comedy", "comedy", "Ann"});
        return shown(r.vocabulary, r.memory.slots.value.values);
    };
    CHECK(values(Mentions::exact) == "[comedy] [Ann]");
    CHECK(values(Mentions::any_case) == "[Romantic Comedy] [Ann]");
    CHECK(values(Mentions::inner) == "[Romantic Comedy] [Comedy] [comedy] [Ann]");
}

TEST_CASE("the longest name counts, also behind a shorter one that overlaps it", "[representation]") {
    const Read r =
        read({{"", "New York City Hall burns."}},
             {.representation = Representation::window, .mentions = Mentions::exact}, {"New York", "York City Hall"});
    CHECK(r.slots() == Lines{"new [York City Hall] burns -> [York City Hall]"});
}

TEST_CASE("a window of W tokens has the mention in its middle", "[representation]") {
    CHECK(read({{"", text}}, {.representation = Representation::window, .window = 3}).slots() ==
          Lines{"[Ridley Scott] shot -> [Ridley Scott]", "stars [Harrison Ford] -> [Harrison Ford]"});
    CHECK_THROWS_AS(read({{"", text}}, {.window = 4}), Error);
}

TEST_CASE("a document without a title has no slots for it", "[representation]") {
    CHECK(read({{"", "By Harrison Ford."}}, {}).slots() == Lines{"by' [Harrison Ford] -> [Harrison Ford]"});
}

TEST_CASE("an edge's cue is the words before a mention, without names and conjunctions", "[representation]") {
    const std::string said = "Heat was written and directed by Ann, with music by Ben and Cy. Dan directed it.";
    Lines all;
    for (int i = 0; i < 30; ++i) all.push_back(said);  // rarer cues are one relation
    std::vector<TitledText> texts;
    for (const std::string& each : all) texts.push_back({"Heat", each});
    const Read r = read(texts, {.representation = Representation::edges}, {"Ann", "Ben", "Cy", "Dan"});
    Lines slots = r.slots();
    slots.resize(8);
    CHECK(slots == Lines{"[Heat] written and directed by -> [Ann]", "[Ann] ~written and directed by -> [Heat]",
                         "[Heat] music by -> [Ben]", "[Ben] ~music by -> [Heat]", "[Heat] music by -> [Cy]",
                         "[Cy] ~music by -> [Heat]", "[Heat] _ directed it -> [Dan]",
                         "[Dan] ~_ directed it -> [Heat]"});
    CHECK(r.memory.origin[1].document == 0);
}

TEST_CASE("an edge of a rare cue only mentions", "[representation]") {
    const Read r = read({{"Heat", "Heat by Harrison Ford."}}, {.representation = Representation::edges});
    CHECK(r.slots()[0] == "[Heat] mentions -> [Harrison Ford]");
}
