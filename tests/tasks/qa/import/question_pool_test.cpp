// Questions of several files, with types, on their way to splits: what import_metaqa can do with them.
#include "support/import_helpers.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;
using Marks = MetaqaOptions::WithoutMarks;

static const std::string kb = "Kismet|directed_by|William Dieterle\nKismet|release_year|1944\n";

// `count` questions in turn in phrasings p0, p1... of the `name`; their answers tell them apart.
static std::string some_questions(const std::string& name, int count, int phrasings) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const std::string n = std::to_string(i);
        text += name + "p" + std::to_string(i % phrasings) + " of [Kismet]\t" + name + n + "\n";
    }
    return text;
}

static TypedSource untyped(const std::string& name, const std::string& text) { return {{name, text}, std::nullopt}; }

static TypedSource typed(const std::string& name, const std::string& text, const std::string& types) {
    return {{name, text}, Source{"qa_" + name, types}};
}

static std::string repeated(const std::string& line, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += line;
    return text;
}

static QaDataset import(const MetaqaSources& sources, const MetaqaOptions& metaqa = {},
                        const ImportOptions& options = {}) {
    QaDataset dataset = metaqa_from({"kb.txt", kb}, sources, options, metaqa);
    dataset.validate("test");
    return dataset;
}

static ImportOptions seeded(std::uint64_t seed) {
    ImportOptions options;
    options.seed = seed;
    return options;
}

static std::map<std::string, int> count_by_task(const QaDataset& dataset, const std::string& split) {
    std::map<std::string, int> counts;
    for (const Index task : dataset.splits.at(split).task) ++counts[dataset.tasks[static_cast<std::size_t>(task)]];
    return counts;
}

// The phrasings of a split, "ap0".
static std::set<std::string> phrasings(const QaDataset& dataset, const std::string& split) {
    std::set<std::string> found;
    for (const std::string& question : questions(dataset, split)) found.insert(question.substr(0, question.find(' ')));
    return found;
}

TEST_CASE("a split's files are one after the other in it", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {untyped("1.txt", "one [Kismet]\t1944\n"), untyped("2.txt", "two [Kismet]\t1944\n")};
    const QaDataset dataset = import(sources);
    CHECK(questions(dataset, "train") == Texts{"one <Kismet> = <1944>", "two <Kismet> = <1944>"});
    CHECK(dataset.tasks.empty());
    CHECK(dataset.splits.at("train").task.empty());
}

TEST_CASE("types become tasks, in the order of their names", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {typed("train.txt", some_questions("a", 3, 3), "year\n\nactor\r\nyear\n")};
    const QaDataset dataset = import(sources);
    CHECK(dataset.tasks == Texts{"actor", "year"});
    CHECK(dataset.splits.at("train").task == std::vector<Index>{1, 0, 1});
}

TEST_CASE("questions without a type are of the task 'other' where some have one", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {untyped("1.txt", some_questions("a", 2, 2)), typed("2.txt", some_questions("b", 1, 1), "year\n")};
    sources.test = {untyped("3.txt", some_questions("c", 1, 1))};
    const QaDataset dataset = import(sources);
    CHECK(count_by_task(dataset, "train") == std::map<std::string, int>{{"other", 2}, {"year", 1}});
    CHECK(count_by_task(dataset, "test") == std::map<std::string, int>{{"other", 1}});
}

TEST_CASE("a file of types that does not fit its questions is an error that names both", "[import][metaqa]") {
    const auto error = [](const std::string& types) {
        MetaqaSources sources;
        sources.train = {typed("train.txt", some_questions("a", 2, 2), types)};
        return error_of([&] { import(sources); });
    };
    CHECK(error("year\n") ==
          "qa_train.txt: not as many types as questions: expected 2, a line for each of train.txt, got 1");
    CHECK_THAT(error("year\nyear\nyear\n"), Catch::Contains("qa_train.txt") && Catch::Contains("got 3"));
    CHECK_THAT(error(" \n"), Catch::Contains("qa_train.txt") && Catch::Contains("empty"));
    CHECK_THAT(error("year\nye\x07r\n"), Catch::Contains("qa_train.txt:2") && Catch::Contains("control"));
    CHECK_THAT(error("year\n\xff\n"), Catch::Contains("qa_train.txt:2") && Catch::Contains("UTF-8"));
}

TEST_CASE("a divided file gives a tenth each to validation and test", "[import][metaqa]") {
    MetaqaSources sources;
    sources.split = {typed("2.txt", some_questions("b", 50, 5), repeated("two\n", 50)),
                     typed("3.txt", some_questions("c", 100, 5), repeated("three\n", 100))};
    const QaDataset dataset = import(sources);
    CHECK(count_by_task(dataset, "train") == std::map<std::string, int>{{"two", 40}, {"three", 80}});
    CHECK(count_by_task(dataset, "valid") == std::map<std::string, int>{{"two", 5}, {"three", 10}});
    CHECK(count_by_task(dataset, "test") == std::map<std::string, int>{{"two", 5}, {"three", 10}});
    std::set<std::string> all;
    for (const char* split : {"train", "valid", "test"})
        for (const std::string& question : questions(dataset, split)) all.insert(question);
    CHECK(all.size() == 150);  // none is in two
    CHECK(import(sources).splits == dataset.splits);
    CHECK(import(sources, {}, seeded(2)).splits != dataset.splits);
}

TEST_CASE("the fraction for validation is not taken from divided files", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {typed("1.txt", some_questions("a", 10, 5), repeated("one\n", 10))};
    sources.split = {typed("2.txt", some_questions("b", 10, 5), repeated("two\n", 10))};
    ImportOptions options;
    options.valid_fraction = 0.3;
    const QaDataset dataset = import(sources, {}, options);
    CHECK(count_by_task(dataset, "train") == std::map<std::string, int>{{"one", 7}, {"two", 8}});
    CHECK(count_by_task(dataset, "valid") == std::map<std::string, int>{{"one", 3}, {"two", 1}});
}

TEST_CASE("a file of three questions can be divided, one of two cannot", "[import][metaqa]") {
    MetaqaSources sources;
    sources.split = {untyped("2.txt", some_questions("b", 3, 1))};
    const QaDataset dataset = import(sources);
    for (const char* split : {"train", "valid", "test"}) CHECK(dataset.splits.at(split).size() == 1);
    sources.split = {untyped("2.txt", some_questions("b", 2, 1))};
    CHECK(error_of([&] { import(sources); }) == "2.txt: too few questions to divide: expected at least 3, got 2");
}

TEST_CASE("phrasings that are held out are in the test alone, and nothing else is", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {typed("1.txt", some_questions("a", 60, 6), repeated("one\n", 60))};
    sources.test = {typed("4.txt", some_questions("a", 30, 6), repeated("one\n", 30))};
    sources.split = {typed("2.txt", some_questions("b", 50, 5), repeated("two\n", 50))};
    ImportOptions options;
    options.valid_fraction = 0.1;
    const QaDataset dataset = import(sources, {.split = {}, .held_out_phrasings = 2}, options);
    const std::set<std::string> test = phrasings(dataset, "test");
    CHECK(test.size() == 4);
    for (const char* split : {"train", "valid"})
        for (const std::string& phrasing : phrasings(dataset, split)) CHECK_FALSE(test.contains(phrasing));
    CHECK(phrasings(dataset, "train").size() == 4 + 3);
    CHECK(count_by_task(dataset, "test") == std::map<std::string, int>{{"one", 20 + 10}, {"two", 20}});
    CHECK(count_by_task(dataset, "train")["one"] + count_by_task(dataset, "valid")["one"] == 40);
    ImportOptions other = options;
    other.seed = 2;
    CHECK(phrasings(import(sources, {.split = {}, .held_out_phrasings = 2}, other), "test") != test);
}

TEST_CASE("one phrasing of each type stays to be trained on", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {typed("1.txt", some_questions("a", 6, 3) + some_questions("b", 2, 1),
                           repeated("one\n", 6) + repeated("two\n", 2))};
    const QaDataset dataset = import(sources, {.split = {}, .held_out_phrasings = 9});
    CHECK(phrasings(dataset, "train").size() == 2);
    CHECK(phrasings(dataset, "train").contains("bp0"));
    CHECK(phrasings(dataset, "test").size() == 2);
    sources.train = {untyped("1.txt", some_questions("a", 6, 1))};
    CHECK_THAT(error_of([&] { import(sources, {.split = {}, .held_out_phrasings = 1}); }),
               Catch::Contains("no phrasing can be held out"));
}

TEST_CASE("a phrasing cannot be told without marks", "[import][metaqa]") {
    MetaqaSources sources;
    const auto error = [&](const std::string& line) {
        sources.train = {untyped("1.txt", some_questions("a", 2, 2) + line + "\t1944\n")};
        return error_of([&] { import(sources, {.split = {}, .held_out_phrasings = 1}); });
    };
    CHECK_THAT(error("when was Kismet made"), Catch::Contains("1.txt:3") && Catch::Contains("marks no name"));
    for (const char* bad : {"when was [Kismet made", "when was ]Kismet[ made", "when was [[Kismet]] made", "[K]]"})
        CHECK_THAT(error(bad), Catch::Contains("1.txt:3") && Catch::Contains("brackets do not pair"));
    CHECK(error("when was [] or [Kismet] made").empty());
}

TEST_CASE("training questions are limited for each file, others are not", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {typed("1.txt", some_questions("a", 40, 5), repeated("one\n", 40))};
    sources.split = {typed("2.txt", some_questions("b", 50, 5), repeated("two\n", 50)),
                     typed("3.txt", some_questions("c", 5, 5), repeated("three\n", 5))};
    const QaDataset dataset = import(sources, {.split = {}, .train_limit = 10});
    CHECK(count_by_task(dataset, "train") == std::map<std::string, int>{{"one", 10}, {"two", 10}, {"three", 3}});
    CHECK(count_by_task(dataset, "valid") == std::map<std::string, int>{{"two", 5}, {"three", 1}});
    CHECK(count_by_task(dataset, "test") == std::map<std::string, int>{{"two", 5}, {"three", 1}});
    CHECK(questions(import(sources, {.split = {}, .train_limit = 10}, seeded(2)), "train") !=
          questions(dataset, "train"));
}

TEST_CASE("without marks, names are found as in any text", "[import][metaqa]") {
    // "Who" is a film, and a plain word in the questions that mark their names.
    const std::string films = kb + "Who|directed_by|Geoff Murphy\n";
    const std::string line = "who directed [Who]\tGeoff Murphy\n", other = "who directed [Kismet]\tWilliam Dieterle\n";
    const auto imported = [&](Marks marks) {
        MetaqaSources sources;
        sources.train = {untyped("1.txt", line + other)};
        sources.test = {untyped("2.txt", line + other)};
        return metaqa_from({"kb.txt", films}, sources, {}, {.split = {}, .without_marks = marks});
    };
    const Texts marked{"who directed <Who> = <Geoff Murphy>", "who directed <Kismet> = <William Dieterle>"};
    CHECK(questions(imported(Marks::none), "test") == marked);
    CHECK(questions(imported(Marks::test), "train") == marked);
    CHECK(questions(imported(Marks::test), "test")[1] == marked[1]);
    CHECK(questions(imported(Marks::all), "train")[1] == marked[1]);
    MetaqaSources broken;
    broken.test = {untyped("2.txt", other + "who directed [Kismet\tWilliam Dieterle\n")};
    CHECK_THAT(error_of([&] { import(broken, {.split = {}, .without_marks = Marks::test}); }),
               Catch::Contains("2.txt:2") && Catch::Contains("brackets do not pair"));
}

TEST_CASE("a file of types beside a file of questions is taken", "[import][metaqa]") {
    const TemporaryDirectory directory;
    const auto facts = directory.write("kb.txt", kb);
    ImportOptions options;
    options.train = {directory.write("train.txt", some_questions("a", 2, 2))};
    options.test = {directory.write("dev.txt", some_questions("c", 1, 1))};
    CHECK(import_metaqa(facts, options).tasks.empty());
    directory.write("qa_train_qtype.txt", "year\nactor\n");
    CHECK(import_metaqa(facts, options).tasks == Texts{"actor", "year", "other"});
    directory.write("qa_train_qtype.txt", "year\n");
    CHECK_THAT(error_of([&] { import_metaqa(facts, options); }),
               Catch::Contains("qa_train_qtype.txt") && Catch::Contains("got 1"));

    CHECK_THROWS_AS(import_metaqa(facts, {}, {.split = {""}}), UsageError);
    CHECK_THROWS_AS(import_metaqa(facts, {}, {.split = {}, .held_out_phrasings = -1}), UsageError);
    CHECK_THROWS_AS(import_metaqa(facts, {}, {.split = {}, .train_limit = -1}), UsageError);
    CHECK_THAT(error_of([&] { import_metaqa(facts, {}, {.split = {directory.path() / "none.txt"}}); }),
               Catch::Contains("none.txt"));
}
