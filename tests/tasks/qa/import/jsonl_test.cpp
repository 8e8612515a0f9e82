#include "support/import_helpers.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;

static QaDataset import_text(const std::string& train) {
    QuestionSources questions;
    questions.train = {Source{"train.jsonl", train}};
    QaDataset dataset = jsonl_from(questions, {});
    dataset.validate("test");
    return dataset;
}

TEST_CASE("questions bring their own slots", "[import][jsonl]") {
    const QaDataset dataset = import_text(
        R"({"question": "Where is Mary?", "memory": [{"key": "Mary went to the office."}, {"key": "Fred moved", "value": "kitchen"}], "answers": ["office"], "id": 7})"
        "\n"
        R"({"question": "Where is Fred?", "memory": [], "answers": []})"
        "\n"
        R"({"question": "Is Fred in the kitchen?", "memory": [{"key": "Fred is home", "value": "home"}], "answers": ["home", "home"]})"
        "\n");
    const Split& train = dataset.splits.at("train");
    CHECK(questions(dataset, "train") ==
          Texts{"where is mary = <office>", "where is fred = ", "is fred in the <kitchen> = <home>"});
    CHECK(slots(dataset, train.local_slots) == Texts{"mary went to the <office> -> mary went to the <office>",
                                                     "fred moved -> <kitchen>", "fred is <home> -> <home>"});
    CHECK(train.local_offsets == std::vector<Index>{0, 2, 2, 3});
    CHECK(dataset.memory.size() == 0);
    CHECK(texts(dataset.vocabulary, dataset.candidates) == Texts{"office", "kitchen", "home"});
}

TEST_CASE("what JSON lines may not be is said with line and member", "[import][jsonl]") {
    const auto error = [](const std::string& line) {
        const std::string good = R"({"question": "who", "memory": [], "answers": ["a"]})";
        return error_of([&] { import_text(good + "\n" + line + "\n"); });
    };
    CHECK_THAT(error("nonsense"), Catch::Contains("train.jsonl:2") && Catch::Contains("not JSON"));
    CHECK_THAT(error("[1]"), Catch::Contains("train.jsonl:2") && Catch::Contains("an object"));
    CHECK_THAT(error(R"({"memory": [], "answers": []})"), Catch::Contains("a member at question"));
    CHECK_THAT(error(R"({"question": 5, "memory": [], "answers": []})"), Catch::Contains("a string at question"));
    CHECK_THAT(error(R"({"question": "q", "memory": [], "answers": "a"})"), Catch::Contains("an array at answers"));
    CHECK_THAT(error(R"({"question": "q", "memory": [], "answers": ["a", true]})"),
               Catch::Contains("answers[1]") && Catch::Contains("bool"));
    CHECK_THAT(error(R"({"question": "q", "memory": [], "answers": [""]})"), Catch::Contains("an answer"));
    CHECK_THAT(error(R"({"question": "q", "answers": []})"), Catch::Contains("a member at memory"));
    CHECK_THAT(error(R"({"question": "q", "memory": [3], "answers": []})"), Catch::Contains("an object at memory[0]"));
    CHECK_THAT(error(R"({"question": "q", "memory": [{"value": "v"}], "answers": []})"),
               Catch::Contains("a member at memory[0].key"));
    CHECK_THAT(error(R"({"question": "q", "memory": [{"key": "k", "value": null}], "answers": []})"),
               Catch::Contains("a string at memory[0].value"));
    CHECK_THAT(error(R"({"question": "q", "memory": [{"key": "", "value": "v"}], "answers": []})"),
               Catch::Contains("train.jsonl:2") && Catch::Contains("no words"));
    CHECK_THAT(error(R"({"question": "a\u0000b", "memory": [], "answers": []})"), Catch::Contains("NUL"));
    CHECK_THAT(error(R"({"question": "q", "memory": [], "answers": ["a\nb"]})"), Catch::Contains("control"));
    CHECK_THAT(error(R"({"question": "q [", "memory": [], "answers": []})"), Catch::Contains("brackets"));
    CHECK_THAT(error(std::string(100'000, '[')), Catch::Contains("not JSON"));
}

TEST_CASE("a data set of JSON lines needs a file of questions", "[import][jsonl]") {
    const TemporaryDirectory directory;
    CHECK_THROWS_AS(import_jsonl({}), UsageError);
    ImportOptions options;
    options.test = {directory.write("test.jsonl", R"({"question": "who", "memory": [], "answers": ["a"]})")};
    CHECK(questions(import_jsonl(options), "test") == Texts{"who = <a>"});
}
