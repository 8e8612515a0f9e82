#include "tasks/qa/substitution.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <utility>

using namespace kvmem;

namespace {

// Phrasings as texts, in which X stands for the name, of paths such as "director ~director".
class Texts {
  public:
    Phrasing phrasing(const std::string& path, const std::string& text) {
        Phrasing made;
        std::istringstream words(text), steps(path);
        for (std::string word; words >> word;) made.words.push_back(word == "X" ? name_place : number(words_, word));
        for (std::string step; steps >> step;) {
            const bool reversed = step.starts_with('~');
            made.path.push_back(2 * number(relations_, step.substr(reversed ? 1 : 0)) + (reversed ? 1 : 0));
        }
        return made;
    }
    // What substitute() makes, as texts with their paths.
    std::vector<std::pair<std::string, std::string>> made_of(
        const std::vector<std::pair<std::string, std::string>>& known) {
        std::vector<Phrasing> phrasings;
        for (const auto& [path, text] : known) phrasings.push_back(phrasing(path, text));
        std::vector<std::pair<std::string, std::string>> made;
        for (const Phrasing& one : substitute(phrasings)) {
            auto& [path, text] = made.emplace_back();
            for (const Token step : one.path)
                path += (path.empty() ? "" : " ") + std::string(step % 2 ? "~" : "") + name(relations_, step / 2);
            for (const Token word : one.words)
                text += (text.empty() ? "" : " ") + (word == name_place ? "X" : name(words_, word));
        }
        std::ranges::sort(made);
        return made;
    }

  private:
    using Numbers = std::map<std::string, Token>;
    static Token number(Numbers& all, const std::string& name) {
        return all.emplace(name, static_cast<Token>(all.size())).first->second;
    }
    static std::string name(const Numbers& all, Token number) {
        return std::ranges::find(all, number, &Numbers::value_type::second)->first;
    }

    Numbers words_, relations_;
};

using Known = std::vector<std::pair<std::string, std::string>>;

}  // namespace

TEST_CASE("words that two relations are asked with alike stand for these relations", "[paraphrases]") {
    Texts texts;
    const Known known{{"~director", "films directed by X"},
                      {"~writer", "films written by X"},
                      {"~director genre", "genres of films directed by X"},
                      {"~writer genre", "genres of films written by X"},
                      {"~director", "what is a film directed by X"},
                      {"~writer", "X wrote what"}};
    CHECK(texts.made_of(known) == Known{{"~writer", "what is a film written by X"}});
}

TEST_CASE("a relation is replaced wherever a path has it", "[paraphrases]") {
    Texts texts;
    const Known known{
        {"director", "the director of X"},
        {"writer", "the writer of X"},
        {"director ~director", "films with the director of X"},
        {"writer ~writer", "films with the writer of X"},
        {"director ~director", "films that share their director with X"},
        {"director ~director genre", "genres of films with the director of X"},  // nothing asks for genres by writer
    };
    CHECK(texts.made_of(known) == Known{{"writer ~writer", "films that share their writer with X"}});
}

TEST_CASE("words that are exchanged in phrasings of three paths mean the same", "[paraphrases]") {
    Texts texts;
    Known known{{"a", "the film X was made where"}, {"a", "the movie X was made where"},
                {"b", "who made the film X"},       {"b", "who made the movie X"},
                {"c", "when was the film X made"},  {"c", "when was the movie X made"},
                {"d", "how long is the film X"},    {"d", "tell me of the film film X"}};
    CHECK(texts.made_of(known) == Known{{"d", "how long is the movie X"},
                                        {"d", "tell me of the film movie X"},
                                        {"d", "tell me of the movie film X"}});
    known[5].second = "X was made when";
    CHECK(texts.made_of(known).empty());  // two paths are too few
}

TEST_CASE("one pair of phrasings teaches nothing about another relation", "[paraphrases]") {
    Texts texts;
    CHECK(texts
              .made_of({{"~director", "films directed by X"},
                        {"~writer", "films written by X"},
                        {"~director", "what is a film directed by X"}})
              .empty());
}

TEST_CASE("phrasings that may mean two things, or have a word of another relation, are not made", "[paraphrases]") {
    Texts texts;
    // "color" and "size" are exchanged, and so are "color" and "age".
    Known known{{"color", "what color is X"},     {"size", "what size is X"},     {"age", "what age is X"},
                {"color", "which color has X"},   {"size", "which size has X"},   {"age", "which age has X"},
                {"color", "tell the color of X"}, {"size", "how large is X now"}, {"age", "how old is X now"}};
    CHECK(texts.made_of(known) == Known{{"age", "tell the age of X"}, {"size", "tell the size of X"}});
    SECTION("a word of another relation") {
        known[6].second = "painted in which color is X";
        known.emplace_back("color", "X is painted how");
        known.emplace_back("color", "X was painted");
        CHECK(texts.made_of(known).empty());
    }
    SECTION("a known phrasing of another path") {
        known.emplace_back("weight", "tell the size of X");
        CHECK(texts.made_of(known) == Known{{"age", "tell the age of X"}});
    }
}

TEST_CASE("longer words are replaced before shorter ones, and never the name", "[paraphrases]") {
    Texts texts;
    const Known known{
        {"maker", "who made X"},        {"owner", "who has X"},           {"maker", "tell who made X"},
        {"owner", "tell who has X"},    {"maker", "by whom was X"},       {"owner", "with whom was X"},
        {"maker", "say by whom X was"}, {"owner", "say with whom X was"}, {"maker", "X was made by whom"}};
    // "made" becomes "has" and "by" becomes "with"; both are in the last phrasing.
    CHECK(texts.made_of(known) == Known{{"owner", "X was has with whom"}});
}

TEST_CASE("a phrase has its own replacement, whatever its words have", "[paraphrases]") {
    Texts texts;
    const Known known{{"maker", "who made X"},         {"owner", "who has X"},
                      {"maker", "tell who made X"},    {"owner", "tell who has X"},
                      {"maker", "X made by whom"},     {"owner", "X kept with whom"},
                      {"maker", "say X made by whom"}, {"owner", "say X kept with whom"},
                      {"maker", "was X made by whom"}};
    CHECK(texts.made_of(known) == Known{{"owner", "was X kept with whom"}});
}

TEST_CASE("a path with both relations is no example of one in the other's place", "[paraphrases]") {
    Texts texts;
    const Known known{{"director ~writer", "a X"},     {"writer ~writer", "b X"}, {"director ~writer", "a X now"},
                      {"writer ~writer", "b X now"},   {"director", "a of X"},    {"writer", "the writer X"},
                      {"director ~writer", "a X then"}};
    CHECK(texts.made_of(known).empty());
}

TEST_CASE("few, empty and equal phrasings make none", "[paraphrases]") {
    CHECK(substitute({}).empty());
    CHECK(substitute({{{}, {}}}).empty());
    CHECK(substitute({{{name_place}, {0}}, {{name_place}, {2}}}).empty());
    CHECK(substitute({{{3, name_place}, {0}}, {{3, name_place}, {0}}, {{4, name_place}, {}}}).empty());
}

TEST_CASE("a thousand phrasings of one frame stay few", "[paraphrases]") {
    std::vector<Phrasing> known;
    for (Token path = 0; path < 3; ++path)
        for (Token word = 0; word < 300; ++word) known.push_back({{word, name_place, 1000 + path}, {2 * path}});
    for (Token first = 0; first < 64; ++first) known.push_back({{first, first, 2000, name_place}, {6}});
    const std::vector<Phrasing> made = substitute(known);
    CHECK(!made.empty());
    for (const Token path : {0, 2, 4, 6})
        CHECK(std::ranges::count(made, std::vector<Token>{path}, &Phrasing::path) <= 1000);
    CHECK(std::ranges::is_sorted(made));
}
