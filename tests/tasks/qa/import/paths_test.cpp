// Question templates that ask along paths of relations.
#include "support/import_helpers.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;

static const std::string money =
    "France\tcapital\tParis\nFrance\tcurrency\tEuro\n"
    "Italy\tcapital\tRome\nItaly\tcurrency\tEuro\n"
    "Peru\tcapital\tLima\nPeru\tcurrency\tSol\n";

static QaDataset import_templates(const std::string& facts, const std::string& lines, TemplateOptions templates = {},
                                  const QuestionSources& questions = {}) {
    QaDataset dataset = kb_from({{"facts.tsv", facts}}, Source{"templates.tsv", lines}, templates, questions, {});
    dataset.validate("test");
    return dataset;
}

static TemplateOptions no_test() { return {.file = {}, .test_entity_fraction = 0}; }

static std::set<std::string> asked(const QaDataset& dataset, const std::string& split) {
    const Texts all = questions(dataset, split);
    return {all.begin(), all.end()};
}

// The names of a split's tasks, by its questions.
static Texts tasks_of(const QaDataset& dataset, const std::string& split) {
    Texts names;
    for (const Index task : dataset.splits.at(split).task)
        names.push_back(dataset.tasks[static_cast<std::size_t>(task)]);
    return names;
}

TEST_CASE("a path of relations is read from left to right", "[import][kb]") {
    const QaDataset dataset =
        import_templates(money, "~capital > currency\tcurrency where {} is the capital\ttrain\n", no_test());
    CHECK(asked(dataset, "train") == std::set<std::string>{"currency where <Paris> is the capital = <Euro>",
                                                           "currency where <Rome> is the capital = <Euro>",
                                                           "currency where <Lima> is the capital = <Sol>"});
}

TEST_CASE("answers along a path leave out the entity that is asked about", "[import][kb]") {
    const QaDataset dataset =
        import_templates(money, "currency>~currency\twho shares the money of {}\ttrain\n", no_test());
    CHECK(asked(dataset, "train") == std::set<std::string>{"who shares the money of <France> = <Italy>",
                                                           "who shares the money of <Italy> = <France>"});
    const QaDataset longer =
        import_templates(money, "currency > ~currency > capital\tcapitals that pay as {}\ttrain\n", no_test());
    CHECK(asked(longer, "train") ==
          std::set<std::string>{"capitals that pay as <France> = <Rome>", "capitals that pay as <Italy> = <Paris>"});
}

TEST_CASE("the number of hops is a question's task", "[import][kb]") {
    QuestionSources files;
    files.train = {Source{"q.tsv", "name the capital of [France]\tParis\n"}};
    const std::string templates =
        "capital\tcapital of {}\ttrain\n"
        "~capital > currency\tmoney where {} is the capital\ttrain\n";
    const QaDataset dataset = import_templates(money, templates, no_test(), files);
    CHECK(dataset.tasks == Texts{"1 hop", "2 hops", "other"});
    CHECK(tasks_of(dataset, "train") == Texts{"1 hop", "1 hop", "1 hop", "2 hops", "2 hops", "2 hops", "other"});
    CHECK(import_templates(money, "capital\tcapital of {}\ttrain\n", no_test(), files).tasks.empty());
}

TEST_CASE("a relation whose name holds the sign of paths can be asked for", "[import][kb]") {
    const QaDataset dataset =
        import_templates("A\tr > s\tB\nA\tr\tC\nC\ts\tD\n", "r > s\tthe r > s of {}\ttrain\n", no_test());
    CHECK(questions(dataset, "train") == Texts{"the r s of <A> = <B>"});
}

static std::string many_countries(int count) {
    std::string facts;
    for (int i = 0; i < count; ++i) {
        const std::string n = std::to_string(i);
        facts += "land" + n + "\tcapital\tville" + n + "\nland" + n + "\tcurrency\tcoin" + std::to_string(i % 5) + "\n";
        facts += "land" + n + "\tplanet\tEarth\n";
    }
    return facts;
}

TEST_CASE("entities and phrasings are held out of paths as of relations", "[import][kb]") {
    const QaDataset dataset = import_templates(many_countries(50),
                                               "capital\tcapital of {}\ttrain\n"
                                               "capital\tseat of {}\ttest\n"
                                               "currency > ~currency\tshare money with {}\ttrain\n"
                                               "currency > ~currency\tsame coins as {}\ttest\n",
                                               {.file = {}, .test_entity_fraction = 0.2});
    CHECK(tasks_of(dataset, "test").size() == 20);
    CHECK(tasks_of(dataset, "train").size() == 80);
    for (const std::string& question : questions(dataset, "train")) {
        CHECK(question.find("seat") == std::string::npos);
        CHECK(question.find("coins as") == std::string::npos);
    }
    for (const std::string& question : questions(dataset, "test"))
        CHECK((question.find("seat") == 0 || question.find("same coins") == 0));
}

TEST_CASE("a path through a hub is not asked, however few it comes down to", "[import][kb]") {
    const std::string lines = "planet > ~planet > currency\tmoney elsewhere on the planet of {}\ttrain\n";
    CHECK(import_templates(many_countries(101), lines, no_test()).splits.at("train").size() == 101);
    CHECK(import_templates(many_countries(102), lines, no_test()).splits.count("train") == 0);
}

TEST_CASE("a path is asked of no more entities than wanted", "[import][kb]") {
    TemplateOptions templates = no_test();
    templates.keys_per_path = 7;
    const std::string lines =
        "~capital\twhose capital is {}\ttrain\n"
        "~capital > currency\tmoney where {} is the capital\ttrain\n";
    const QaDataset dataset = import_templates(many_countries(50), lines, templates);
    CHECK(dataset.splits.at("train").size() == 50 + 7);
    CHECK(asked(dataset, "train").size() == 50 + 7);
    templates.keys_per_path = 0;
    CHECK_THROWS_AS(import_kb({"facts.tsv"}, templates, {}), UsageError);
}

TEST_CASE("bad paths are errors that name the line", "[import][kb]") {
    const auto error = [](const std::string& path) {
        return error_of([&] { import_templates(money, "#\n" + path + "\tof {}\ttrain\n"); });
    };
    CHECK_THAT(error("~capital > river"), Catch::Contains("templates.tsv:2") && Catch::Contains("'river'"));
    CHECK_THAT(error("~capital > ~~currency"), Catch::Contains("templates.tsv:2") && Catch::Contains("'~~currency'"));
    CHECK_THAT(error("~capital/currency"), Catch::Contains("templates.tsv:2") && Catch::Contains("no such relation"));
    for (const char* empty : {">", " > capital", "capital >", "capital > > currency"})
        CHECK_THAT(error(empty), Catch::Contains("templates.tsv:2") && Catch::Contains("step of the path is empty"));
    CHECK_THAT(error(""), Catch::Contains("templates.tsv:2") && Catch::Contains("no such relation"));
    std::string endless = "capital";
    for (int i = 0; i < 1000; ++i) endless += " > ~capital > capital";
    CHECK_THAT(error(endless), Catch::Contains("templates.tsv:2") && Catch::Contains("at most 8"));
    const std::string twice = "capital > ~capital\tof {}\ttrain\ncapital>~capital\tof {}\ttest\n";
    CHECK_THAT(error_of([&] { import_templates(money, twice); }),
               Catch::Contains("templates.tsv:2") && Catch::Contains("twice"));
}
