#include "tasks/selection/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

std::vector<SelectionQuestion> read(const std::string& text, SentencesImport import = {}) {
    return questions_from({"x.txt", text}, import);
}

// The questions and the number of bad lines.
std::pair<std::vector<SelectionQuestion>, int> read_good(const std::string& text) {
    int bad = 0;
    SentencesImport import;
    import.on_bad_line = [&](const Error&) { ++bad;
};
auto questions = read(text, import);
return {std::move(questions), bad};
}  // namespace

const std::string trecqa =
    "<QApairs id='1.1'>\n<question>\nWho\tbuilt\tit\nWP\tVBD\tPRP\n</question>\n"
    "<positive>\nAnn\tbuilt\tit\nNNP\tVBD\tPRP\n0.5\n</positive>\n"
    "<negative>\nIt\tis\ttall\nPRP\tVBZ\tJJ\n</negative>\n</QApairs>\n"
    "<QApairs id='2'>\n<question>\nWhere\n</question>\n</QApairs>\n";

}  // namespace

TEST_CASE("neighbouring lines with one question are its candidates", "[sentences_import]") {
    const auto questions = read("q one\ta\t0\nq one\tb\t1\nq two\tc\t0\nq one\td\t1\n");
    REQUIRE(questions.size() == 3);
    CHECK(questions[0] == SelectionQuestion{"1", "q one", "", "", {"a", "b"}, {0, 1}});
    CHECK(questions[2].sentences == std::vector<std::string>{"d"});
}

TEST_CASE("a first line of names says where WikiQA's columns are", "[sentences_import]") {
    const auto questions = read(
        "QuestionID\tQuestion\tDocumentID\tDocumentTitle\tSentenceID\tSentence\tLabel\r\n"
        "Q0\tHow \"tall\"?\tD0\tTower\tD0-0\tIt's 9 m.\t1\r\nQ0\tHow \"tall\"?\tD0\tTower\tD0-1\tOld.\t0\r\n"
        "Q1\tHow \"tall\"?\tD1\tMast\tD1-0\tNo.\t0\r\n");
    REQUIRE(questions.size() == 2);
    CHECK(questions[0] == SelectionQuestion{"Q0", "How \"tall\"?", "Tower", "", {"It's 9 m.", "Old."}, {1, 0}});
    CHECK(questions[1].title == "Mast");
}

TEST_CASE("of TrecQA's elements the first line is the text", "[sentences_import]") {
    const auto questions = read(trecqa);
    REQUIRE(questions.size() == 1);
    CHECK(questions[0] == SelectionQuestion{"1.1", "Who built it", "", "", {"Ann built it", "It is tall"}, {1, 0}});
    CHECK_THROWS_WITH(read("<QApairs id='1'>\n<positive>\na\n</positive>"),
                      Contains("x.txt:3") && Contains("question"));
    CHECK_THROWS_WITH(read("<QApairs id='1'>\nwords\n"), Contains("x.txt:2") && Contains("no element"));
    CHECK_THROWS_WITH(read("<QApairs>\n"), Contains("no id"));
}

TEST_CASE("a bad first line of an element leaves out the element alone", "[sentences_import]") {
    const auto [questions, bad] = read_good(
        "<QApairs id='1'>\n<question>\nq\n</question>\n<positive>\n\xFF\nNNP\n"
        "</positive>\n<negative>\nno\n</negative>\n</QApairs>\n");
    CHECK(bad == 1);
    REQUIRE(questions.size() == 1);
    CHECK(questions[0].sentences == std::vector<std::string>{"no"});
}

TEST_CASE("behind a bad tag of TrecQA no sentence joins another question", "[sentences_import]") {
    const std::string first = "<QApairs id='1'>\n<question>\nq\n</question>\n<positive>\nyes\n</positive>\n";
    const std::string second = "<question>\nr\n</question>\n<negative>\nno\n</negative>\n</QApairs>\n";
    const std::string third = "<QApairs id='3'>\n<question>\ns\n</question>\n<positive>\nso\n</positive>\n</QApairs>\n";
    for (const std::string& tag : {std::string("</QApairs>\n<QApairs>\n"), std::string("<QApairs>\n"),
                                   std::string("</QApairs>\n<QApairs id='\xFF'>\n"), std::string()}) {
        CAPTURE(tag);
        CHECK_THROWS_AS(read(first + tag + second + third), Error);
        const auto [questions, bad] = read_good(first + tag + second + third);
        CHECK(bad > 0);
        REQUIRE(questions.size() == 2);
        CHECK(questions[0] == SelectionQuestion{"1", "q", "", "", {"yes"}, {1}});
        CHECK(questions[1] == SelectionQuestion{"3", "s", "", "", {"so"}, {1}});
    }
    CHECK_THROWS_WITH(read(first + second), Contains("x.txt:9") && Contains("a question is there twice"));
    CHECK_THROWS_WITH(read(first + "</QApairs>\n" + second), Contains("x.txt:9") && Contains("in no question"));
}

TEST_CASE("a line of JSON is a question with numbers of its right sentences", "[sentences_import]") {
    const auto questions = read(
        R"({"question": "q", "article": "T", "section": "H", "candidates": ["a", "b"], "answers": [1], "more": 1})");
    REQUIRE(questions.size() == 1);
    CHECK(questions[0] == SelectionQuestion{"1", "q", "T", "H", {"a", "b"}, {0, 1}});
    const auto line = [](const std::string& rest) { return "{\"question\": \"q\", " + rest + "}"; };
    CHECK_THROWS_WITH(read(line("\"candidates\": [\"a\"], \"answers\": [1]")), Contains("a number below 1"));
    CHECK_THROWS_WITH(read(line("\"candidates\": [\"a\"], \"answers\": [-1]")), Contains("an answer is wrong"));
    CHECK_THROWS_WITH(read(line("\"candidates\": [1], \"answers\": []")), Contains("a candidate is wrong"));
    CHECK_THROWS_WITH(read(line("\"candidates\": [], \"answers\": []")), Contains("no candidates"));
    CHECK_THROWS_WITH(read(line("\"candidates\": [\"a\"]")), Contains("'answers'"));
    CHECK_THROWS_WITH(read("{\"candidates\": [\"a\"], \"answers\": []}"), Contains("question"));
}

TEST_CASE("a bad line of sentences ends the import with its number or is left out", "[sentences_import]") {
    const std::string text = "q\ta\t0\nq\tb\nq\t\t1\nq\tc\tyes\nq\td\t1\n";
    CHECK_THROWS_WITH(read(text), Contains("x.txt:2"));
    const auto [questions, bad] = read_good(text);
    CHECK(bad == 3);
    REQUIRE(questions.size() == 1);
    CHECK(questions[0].right == std::vector<std::uint8_t>{0, 1});
}

TEST_CASE("candidates that are listed by their labels lose their order", "[sentences_import]") {
    std::vector<SelectionQuestion> sorted, document;
    for (int i = 0; i < 20; ++i) {
        const std::string n = std::to_string(i);
        sorted.push_back({n, "q" + n, "", "", {"a" + n, "b" + n, "c" + n, "d" + n}, {1, 0, 0, 0}});
        document.push_back({n, "q" + n, "", "", {"a" + n, "b" + n}, {i % 2 == 0, i % 2 == 1}});
    }
    const auto before = document;
    hide_labels(document);
    CHECK(document == before);
    hide_labels(sorted);
    int first = 0;
    for (const SelectionQuestion& question : sorted) {
        first += question.right[0];
        for (std::size_t c = 0; c < 4; ++c) CHECK(question.right[c] == (question.sentences[c][0] == 'a'));
    }
    CHECK(first > 0);
    CHECK(first < 12);
}

TEST_CASE("validation takes all questions of a title and leaves some to train on", "[sentences_import]") {
    std::vector<SelectionQuestion> train;
    for (int i = 0; i < 100; ++i)
        train.push_back({std::to_string(i), "q" + std::to_string(i), "title " + std::to_string(i / 5), "", {"a"}, {0}});
    const auto valid = take_validation(train, 0.1, 1);
    CHECK(valid.size() == 10);
    CHECK(train.size() == 90);
    for (const SelectionQuestion& question : train)
        CHECK(std::ranges::find(valid, question.title, &SelectionQuestion::title) == valid.end());
    std::vector<SelectionQuestion> one{train[0]};
    CHECK(take_validation(one, 0.9, 1).empty());
}
