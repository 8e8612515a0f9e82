#include "kvmem/text/entity_linker.hpp"

#include "kvmem/core/error.hpp"
#include "support/import_helpers.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

using Names = std::vector<std::string>;

// A vocabulary of these entities and of words that training questions use once each.
static Vocabulary vocabulary_of(const Names& entities, const Names& words = {}) {
    Vocabulary vocabulary;
    for (const std::string& name : entities) vocabulary.add(TokenKind::entity, name);
    for (const std::string& word : words) vocabulary.set_count(vocabulary.add(TokenKind::word, word), 1);
    return vocabulary;
}

static Names linked(const Vocabulary& vocabulary, std::string_view text, const LinkOptions& options = {}) {
    return texts(vocabulary, EntityLinker(vocabulary).link(text, options).entities);
}

static std::vector<Token> entities(const std::vector<NearName>& names) {
    std::vector<Token> all;
    for (const NearName& name : names) all.push_back(name.entity);
    return all;
}

TEST_CASE("a name is found whatever its case, with words around it as tokens", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Temuera Morrison"}, {"what", "did", "act", "in"});
    const LinkedText linked_text = EntityLinker(vocabulary).link("What movies did TEMUERA morrison act in?");
    CHECK(shown(vocabulary, linked_text.tokens) == "what <unknown> did <Temuera Morrison> act in");
    CHECK(texts(vocabulary, linked_text.entities) == Names{"Temuera Morrison"});
    CHECK(linked_text.unknown_words == Names{"movies"});
}

TEST_CASE("names of scripts without spaces are found at any character, and the rest is words", "[linker]") {
    const Vocabulary vocabulary =
        vocabulary_of({"中国", "国", "首都", "ロバート・デ・ニーロ", "Robert"}, {"的", "首都", "是"});
    const EntityLinker linker(vocabulary);
    const LinkedText found = linker.link("中国的首都是哪里？");
    CHECK(shown(vocabulary, found.tokens) == "<中国> 的 首都 是 <unknown>");
    CHECK(found.unknown_words == Names{"哪里"});
    CHECK(linker.link("[中国]的首都是哪里").tokens == found.tokens);
    CHECK(linked(vocabulary, "ロバート・デ・ニーロの映画") == Names{"ロバート・デ・ニーロ"});
    CHECK(linked(vocabulary, "Robertの映画") == Names{"Robert"});
    CHECK(linked(vocabulary, "美国的首都").size() == 1);  // not "国", a part of a word; the weak "首都" is left
    CHECK(texts(vocabulary, linker.find("中国")) == Names{"中国"});
    CHECK(vocabulary.text(linker.nearest("ロバト・デ・ニーロの映画", 1).at(0).entity) == "ロバート・デ・ニーロ");
}

TEST_CASE("a part of a name suggests the names that have it", "[linker]") {
    const Vocabulary vocabulary =
        vocabulary_of({"Christopher Nolan", "Jonathan Nolan", "Nolande", "John Smith"}, {"films", "of", "smith"});
    const EntityLinker linker(vocabulary);
    CHECK(texts(vocabulary, entities(linker.nearest("films of Nolan", 5))) ==
          Names{"Nolande", "Jonathan Nolan", "Christopher Nolan"});
    CHECK(entities(linker.nearest("films of smith Ng", 5)).empty());  // a common word is no part of a name
}

TEST_CASE("a run of characters that training has whole stays a word", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"中国"}, {"的首都是哪里"});
    CHECK(shown(vocabulary, EntityLinker(vocabulary).link("[中国]的首都是哪里").tokens) == "<中国> 的首都是哪里");
}

TEST_CASE("a word that training never used is unknown", "[linker]") {
    Vocabulary vocabulary = vocabulary_of({"Brazil"}, {"who"});
    vocabulary.add(TokenKind::word, "helmed");
    CHECK(EntityLinker(vocabulary).link("who helmed Brazil").unknown_words == Names{"helmed"});
}

TEST_CASE("beside a name in brackets, words in lower case are no names", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Tom Hanks", "cast", "Up", "1999"}, {"movies"});
    CHECK(linked(vocabulary, "movies with [Tom Hanks] in the cast") == Names{"Tom Hanks"});
    CHECK(linked(vocabulary, "[Up] or up") == Names{"Up"});
    CHECK(linked(vocabulary, "movies with [Tom Hanks] in 1999") == Names{"Tom Hanks", "1999"});
    CHECK(linked(vocabulary, "movies with [Tom Hanks] or Up") == Names{"Tom Hanks", "Up"});
    CHECK(linked(vocabulary, "movies with a cast") == Names{"cast"});
    CHECK(EntityLinker(vocabulary).parts("the cast", {.beside_names = true}).at(1).entities.empty());
}

TEST_CASE("of names that overlap the longest is taken, wherever it begins", "[linker]") {
    const Vocabulary vocabulary =
        vocabulary_of({"The Sea", "Sea of Love", "Love", "In Time", "Time Changer"}, {"in", "the", "of"});
    CHECK(linked(vocabulary, "who directed Sea of Love") == Names{"Sea of Love"});
    CHECK(linked(vocabulary, "films by the Sea of Love director") == Names{"Sea of Love"});
    CHECK(linked(vocabulary, "love the sea") == Names{"Love", "The Sea"});
    CHECK(linked(vocabulary, "who stars in Time Changer") == Names{"Time Changer"});
}

TEST_CASE("names that differ in case alone are told apart by spelling, or are all meant", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"jean dujardin", "Jean Dujardin", "Help", "Help!"});
    CHECK(linked(vocabulary, "films of Jean Dujardin") == Names{"Jean Dujardin"});
    CHECK(linked(vocabulary, "films of jean dujardin") == Names{"jean dujardin"});
    CHECK(linked(vocabulary, "films of JEAN DUJARDIN") == Names{"jean dujardin", "Jean Dujardin"});
    CHECK(linked(vocabulary, "films of [Jean Dujardin]") == Names{"Jean Dujardin"});
    CHECK(linked(vocabulary, "who sings in Help!") == Names{"Help!"});
    CHECK(linked(vocabulary, "who sings in Help?") == Names{"Help"});
}

TEST_CASE("a name is found in every normal form of Unicode, and its spelling decides between two", "[linker]") {
    const std::string decomposed = "Tu\u0308rkiye", composed = "Türkiye";
    for (const std::string& name : {decomposed, composed}) {
        const Vocabulary vocabulary = vocabulary_of({name});
        for (const std::string& asked : {decomposed, composed, to_lower(composed), "[" + decomposed + "]"})
            CHECK(linked(vocabulary, "the capital of " + asked) == Names{name});
        CHECK(texts(vocabulary, EntityLinker(vocabulary).find(decomposed)) == Names{name});
    }
    const Vocabulary vocabulary = vocabulary_of({decomposed, composed, "TÜRKIYE", "ĐÀ NẴNG"});
    CHECK(linked(vocabulary, "capital of " + decomposed) == Names{decomposed});
    CHECK(linked(vocabulary, "capital of " + composed) == Names{composed});
    CHECK(linked(vocabulary, "capital of TU\u0308RKIYE") == Names{"TÜRKIYE"});
    CHECK(linked(vocabulary, "capital of türkiye").size() == 3);
    CHECK(linked(vocabulary, "hotels in Đà Nẵng") == Names{"ĐÀ NẴNG"});
    const EntityLinker linker(vocabulary);
    CHECK(texts(vocabulary, linker.find("TU\u0308RKIYE")) == Names{"TÜRKIYE"});
    CHECK(texts(vocabulary, linker.find(composed + "!")).size() == 3);
    CHECK(texts(vocabulary_of({"Şırnak"}),
                entities(EntityLinker(vocabulary_of({"Şırnak"})).nearest("where is S\u0327ırnek", 1))) ==
          Names{"Şırnak"});
}

TEST_CASE("a possessive is the name and an s, unless a name has it", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of(
        {"Peru", "United States", "McDonald's", "McDonald", "Rosemary's Baby", "King", "King's Speech", "Help!"},
        {"what", "is", "the", "capital", "s"});
    const EntityLinker linker(vocabulary);
    const auto tokens = [&](std::string_view text) { return shown(vocabulary, linker.link(text).tokens); };
    for (const char* asked : {"what is Peru's capital", "what is PERU’S capital", "what is [Peru]'s capital",
                              "what is [Peru]’s capital", "what is Peru 's capital", "what is [Peru's] capital"})
        CHECK(tokens(asked) == "what is <Peru> s capital");
    CHECK(tokens("the United States' capital") == "the <United States> capital");
    CHECK(tokens("what is McDonald's capital") == "what is <McDonald's> capital");
    CHECK(tokens("what is McDonald's's capital") == "what is <McDonald's> s capital");
    CHECK(tokens("Rosemary's Baby's capital") == "<Rosemary's Baby> s capital");
    CHECK(tokens("the King's Speech") == "the <King's Speech>");
    CHECK(tokens("the King's capital") == "the <King> s capital");
    CHECK(tokens("Peru's") == "<Peru> s");
    const std::string text = "is Peru’s it";
    const std::vector<TextPart> parts = linker.parts(text);
    REQUIRE(parts.size() == 4);
    CHECK(text.substr(parts[1].begin, parts[1].end - parts[1].begin) == "Peru");
    CHECK(text.substr(parts[2].begin, parts[2].end - parts[2].begin) == "s");
}

TEST_CASE("the s of a possessive is left out where training never saw it", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Peru", "What"}, {"what", "is", "capital"});
    const EntityLinker linker(vocabulary);
    for (const char* asked : {"what is Peru's capital", "what is [Peru]'s capital"}) {
        CHECK(shown(vocabulary, linker.link(asked).tokens) == "what is <Peru> capital");
        CHECK(linker.link(asked).unknown_words.empty());
    }
    CHECK(linker.link("what s Peru s").unknown_words == Names{"s", "s"});
    CHECK(linker.link("what's Peru").unknown_words == Names{"what's"});
    const std::string misspelt = "what is Perru's capital";
    const NearName name = linker.nearest(misspelt, 1).at(0);
    CHECK(misspelt.substr(name.begin, name.end - name.begin) == "Perru");
    CHECK(shown(vocabulary, linker.link_as(misspelt, name).value().tokens) == "what is <Peru> capital");
}

TEST_CASE("names in brackets are taken at their word", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"what", "Mr. & Mrs. Smith", "$", "Smith"}, {"what", "is"});
    CHECK(linked(vocabulary, "what is [what]") == Names{"what"});
    CHECK(linked(vocabulary, "who acted in [$]") == Names{"$"});
    CHECK(linked(vocabulary, "[mr. & mrs. smith]") == Names{"Mr. & Mrs. Smith"});
    CHECK(linked(vocabulary, "[Mr and Mrs Smith]") == Names{"Smith"});
    CHECK(linked(vocabulary, "[Mr Mrs Smith]") == Names{"Mr. & Mrs. Smith"});
    CHECK(EntityLinker(vocabulary).link("[Jane Doe]").unknown_words == Names{"jane", "doe"});
    CHECK(EntityLinker(vocabulary).link("[] is []").entities.empty());
}

TEST_CASE("no name reaches over a bracket", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"New York", "York"});
    CHECK(linked(vocabulary, "new [york]") == Names{"York"});
}

TEST_CASE("brackets that do not pair are an error", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Brazil"});
    const EntityLinker linker(vocabulary);
    CHECK_THROWS_WITH(linker.link("who [Brazil"), Catch::Contains("'[' without ']' at position 4"));
    CHECK_THROWS_WITH(linker.link("who Brazil]"), Catch::Contains("']' without '[' at position 10"));
    CHECK_THROWS_WITH(linker.link("[[Brazil]]"), Catch::Contains("inside"));
    CHECK_THROWS_WITH(linker.link("Brazil \xc3"), Catch::Contains("UTF-8"));
}

TEST_CASE("a name of common words counts only where nothing else is named", "[linker]") {
    Vocabulary vocabulary =
        vocabulary_of({"What?", "Act", "The Movie", "Kismet", "It"}, {"what", "act", "the", "movie"});
    CHECK(linked(vocabulary, "what act is the movie Kismet") == Names{"Kismet"});
    CHECK(linked(vocabulary, "what act is the movie [Act]") == Names{"Act"});
    CHECK(linked(vocabulary, "what act is the movie") == Names{"The Movie"});
    CHECK(linked(vocabulary, "what movie is it") == Names{"It"});
    CHECK(linked(vocabulary, "what act is the movie Kismet", {.avoid_common_words = false}) ==
          Names{"What?", "Act", "The Movie", "Kismet"});

    SECTION("and of several the one whose word is rarest in questions") {
        vocabulary.set_count(*vocabulary.find(TokenKind::word, "what"), 1000);
        CHECK(linked(vocabulary, "what? Act") == Names{"Act"});
        CHECK(linked(vocabulary, "What? Act") == Names{"Act"});
    }
    SECTION("and a single word only if spelled as the name") {
        CHECK(linked(vocabulary, "what Act") == Names{"Act"});
        CHECK(linked(vocabulary, "what act").empty());
    }
}

TEST_CASE("the parts of a text tell where its names stand", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Kismet", "It's It"});
    const std::string text = "Who made Kismet, or [It’s it]?";
    const std::vector<TextPart> parts = EntityLinker(vocabulary).parts(text);
    REQUIRE(parts.size() == 5);
    CHECK(parts[0].word == "who");
    CHECK(text.substr(parts[2].begin, parts[2].end - parts[2].begin) == "Kismet");
    CHECK(parts[3].word == "or");
    CHECK(text.substr(parts[4].begin, parts[4].end - parts[4].begin) == "It’s it");
    CHECK(texts(vocabulary, parts[4].entities) == Names{"It's It"});
}

TEST_CASE("an entity is found by name: as written, then but for case, then by its words", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Who?", "who", "WHO", "Dr. No"});
    const EntityLinker linker(vocabulary);
    CHECK(texts(vocabulary, linker.find("who")) == Names{"who"});
    CHECK(texts(vocabulary, linker.find("Who")) == Names{"who", "WHO"});
    CHECK(texts(vocabulary, linker.find("who?")) == Names{"Who?"});
    CHECK(texts(vocabulary, linker.find("dr no")) == Names{"Dr. No"});
    CHECK(linker.find("").empty());
    CHECK(linker.find("nobody").empty());
}

TEST_CASE("a linker of some of the entities does as if there were no others", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Who?", "Who", "Who Is Who", "Whom"});
    const EntityLinker linker(vocabulary, {false, false, true, false, true});
    CHECK(texts(vocabulary, linker.link("Who? is who").entities) == Names{"Who", "Who"});
    CHECK(texts(vocabulary, linker.link("[Who?]").entities) == Names{"Who"});
    CHECK(texts(vocabulary, linker.find("Who Is Who")).empty());
    CHECK(texts(vocabulary, entities(linker.nearest("whon", 3))) == Names{"Whom", "Who"});
}

TEST_CASE("a name with a typing error is suggested", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Casablanca", "Temuera Morrison", "Kismet", "Kiss Me", "The Director"},
                                                {"who", "directed", "director", "the"});
    const EntityLinker linker(vocabulary);
    CHECK(texts(vocabulary, entities(linker.nearest("who directed Casblanca", 3))) == Names{"Casablanca"});
    CHECK(texts(vocabulary, entities(linker.nearest("temura morison films", 1))) == Names{"Temuera Morrison"});
    CHECK(texts(vocabulary, entities(linker.nearest("who directed kismat", 5))) == Names{"Kismet"});
    const NearName name = linker.nearest("who directed kismat", 1).at(0);
    CHECK((name.begin == 13 && name.end == 19 && name.distance == Approx(1 / 6.0)));
    CHECK(linker.nearest("who directed kismat", 0).empty());
    // A letter is one whatever its bytes.
    const Vocabulary accents = vocabulary_of({"Réunion"});
    const NearName island = EntityLinker(accents).nearest("what is the capital of Reunion", 1).at(0);
    CHECK(island.distance == Approx(1.0 / 7));
    CHECK(linker.nearest("xyzzy", 5).empty());
    CHECK(linker.nearest("", 5).empty());
    CHECK(linker.nearest("???", 5).empty());
}

TEST_CASE("two letters that changed places are one typing error, and so is an article that lacks", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Amateur", "The Grudge", "Grove"}, {"who", "directed"});
    const EntityLinker linker(vocabulary);
    CHECK(linker.nearest("who directed Amaetur", 1).at(0).distance == Approx(1 / 7.0));
    CHECK(linker.nearest("who directed Amaetru", 1).at(0).distance == Approx(2 / 7.0));
    const NearName grudge = linker.nearest("who directed Grudge", 1).at(0);
    CHECK(vocabulary.text(grudge.entity) == "The Grudge");
    CHECK((grudge.begin == 13 && grudge.end == 19 && grudge.distance == Approx(1 / 10.0)));
    CHECK(linker.nearest("who directed Grudges", 1).at(0).distance == Approx(2 / 10.0));
}

TEST_CASE("another reading of a text has one name, which explains what the first does not", "[linker]") {
    const Vocabulary vocabulary =
        vocabulary_of({"Rain", "Rain Man", "Max", "Max Lang", "Lang", "Kismet", "kismet", "writer", "Gary Ross"},
                      {"who", "directed", "the", "writer", "of", "and"});
    const EntityLinker linker(vocabulary);
    const auto read_as = [&](const std::string& text, const char* name) {
        for (const NearName& near : linker.nearest(text, 9))
            if (vocabulary.text(near.entity) == name)
                if (const auto linked = linker.link_as(text, near)) return shown(vocabulary, linked->tokens);
        return std::string("nothing");
    };
    // A longer name that is misspelt, and one beside a common word that is a name too.
    CHECK(read_as("who directed Rain Mn", "Rain Man") == "who directed <Rain Man>");
    CHECK(read_as("who directed rain mn", "Rain Man") == "who directed <Rain Man>");
    CHECK(linked(vocabulary, "Gary Rosx the writer of") == Names{"writer"});
    CHECK(read_as("Gary Rosx the writer of", "Gary Ross") == "<Gary Ross> the writer of");
    // The same words in another spelling.
    CHECK(linked(vocabulary, "who directed kismet") == Names{"kismet"});
    CHECK(read_as("who directed kismet", "Kismet") == "who directed <Kismet>");
    // Neither a part of a longer name, nor beside another, nor what link() has read already.
    CHECK(read_as("who directed Max Lang", "Max") == "nothing");
    CHECK(read_as("who directed max lang", "Lang") == "nothing");
    CHECK(read_as("who directed Kismet and Gary Rosx", "Gary Ross") == "nothing");
    // What brackets name is as it is.
    CHECK(read_as("who directed [Rain] Mn", "Rain Man") == "nothing");
    CHECK(read_as("who directed [Max] Lang", "Max Lang") == "nothing");
    CHECK(read_as("who directed [Rain Mn]", "Rain Man") == "who directed <Rain Man>");
    // One name in place of two.
    CHECK(linked(vocabulary, "who directed Rain Max") == Names{"Rain", "Max"});
    CHECK(read_as("who directed Rain Max", "Rain Man") == "who directed <Rain Man>");
}

TEST_CASE("a linker over an empty vocabulary finds nothing", "[linker]") {
    const Vocabulary vocabulary;
    const EntityLinker linker(vocabulary);
    CHECK(linker.link("who [directed] it").entities.empty());
    CHECK(linker.nearest("who", 3).empty());
    CHECK(linker.link("").tokens.empty());
}

TEST_CASE("a possessive behind brackets is no name, whatever is called so", "[linker]") {
    const Vocabulary vocabulary = vocabulary_of({"Bolivia", "S"});
    const EntityLinker linker(vocabulary);
    for (const char* text : {"what is [Bolivia]'s capital", "what is [Bolivia]\u2019s capital"})
        CHECK(texts(vocabulary, linker.link(text).entities) == Names{"Bolivia"});
    CHECK(texts(vocabulary, linker.link("what is [Bolivia] beside S").entities) == Names{"Bolivia", "S"});
}

TEST_CASE("hostile names and texts are linked in reasonable time", "[linker]") {
    std::string endless;
    for (int i = 0; i < 20'000; ++i) endless += "a ";
    Names names{endless, "a a a a a a a b"};
    for (int dots = 0; dots < 2000; ++dots) names.push_back("a" + std::string(static_cast<std::size_t>(dots), '.'));
    const Vocabulary vocabulary = vocabulary_of(names);
    const EntityLinker linker(vocabulary);
    CHECK(linker.link(endless).entities.size() >= 20'000);
    CHECK(linker.find(endless).size() == 1);
    CHECK(linker.nearest(endless, 3).size() <= 3);
}
