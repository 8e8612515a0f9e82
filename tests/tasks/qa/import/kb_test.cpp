#include "support/import_helpers.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;

static const std::string capitals =
    "# Where governments sit.\n"
    "France\tcapital\tParis\n"
    "Bolivia\tcapital\tSucre\n"
    "Bolivia\tcapital\tLa Paz\n";

static QaDataset import_facts(const Texts& facts, const QuestionSources& questions = {}) {
    std::vector<Source> sources;
    for (const std::string& text : facts) sources.push_back({"facts" + std::to_string(sources.size()) + ".tsv", text});
    QaDataset dataset = kb_from(sources, {}, {}, questions, {});
    dataset.validate("test");
    return dataset;
}

TEST_CASE("facts come from any number of files, with comments", "[import][kb]") {
    const QaDataset dataset = import_facts({capitals, "Paris\triver\tSeine\n"});
    CHECK(slots(dataset, dataset.memory) == Texts{"<France> capital -> <Paris>", "<Paris> ~capital -> <France>",
                                                  "<Bolivia> capital -> <Sucre>", "<Sucre> ~capital -> <Bolivia>",
                                                  "<Bolivia> capital -> <La Paz>", "<La Paz> ~capital -> <Bolivia>",
                                                  "<Paris> river -> <Seine>", "<Seine> ~river -> <Paris>"});
}

TEST_CASE("a table gives a fact for each object of each cell", "[import][kb]") {
    const QaDataset dataset =
        import_facts({"# Countries\n"
                      "@table\tcountry\tcapital\tcontinent\n"
                      "France\tParis\tEurope\n"
                      "Bolivia\tSucre|La Paz\t\n"});
    const Texts all = slots(dataset, dataset.memory);
    CHECK(all.size() == 8);
    CHECK(contains(all, "<Bolivia> capital -> <La Paz>"));
    CHECK(contains(all, "<Europe> ~continent -> <France>"));
}

TEST_CASE("bad facts and tables are errors that name the line", "[import][kb]") {
    const auto error = [](const std::string& text) { return error_of([&] { import_facts({text}); }); };
    CHECK(error("#\nA\tr\n") == "facts0.tsv:2: not a fact: expected subject<TAB>relation<TAB>object, got 2 fields");
    CHECK_THAT(error("A\tr\tB\n@table\tx\tr\n"), !Catch::Contains("head"));
    CHECK_THAT(error("@table\tx\n"), Catch::Contains("facts0.tsv:1") && Catch::Contains("@table"));
    CHECK_THAT(error("@tables\tx\tr\n"), Catch::Contains("facts0.tsv:1") && Catch::Contains("@table"));
    CHECK_THAT(error("@table\tx\tr\tr\n"), Catch::Contains("twice"));
    CHECK_THAT(error("@table\tx\t\tr\n"), Catch::Contains("a column"));
    CHECK_THAT(error("@table\tx\tr\nA\n"),
               Catch::Contains("facts0.tsv:2") && Catch::Contains("expected 2 fields, got 1"));
    CHECK_THAT(error("@table\tx\tr\nA\tB\tC\n"), Catch::Contains("facts0.tsv:2"));
    CHECK_THAT(error("@table\tx\tr\nA\tB||C\n"), Catch::Contains("facts0.tsv:2") && Catch::Contains("an object"));
    CHECK_THAT(error("@table\tx\tr\n\tB\n"), Catch::Contains("facts0.tsv:2") && Catch::Contains("a subject"));
    CHECK_THAT(error("@table\tx\t~r\nA\tB\n"), Catch::Contains("'~'"));
    CHECK_THAT(error(""), Catch::Contains("empty"));
}

TEST_CASE("questions are tab-separated, or JSON lines in files called so", "[import][kb]") {
    QuestionSources sources;
    sources.train = {
        Source{"q.tsv", "what is the capital of France\tParis\ncapitals of [Bolivia]?\tSucre\tLa Paz\nwho\t\n"}};
    sources.test = {Source{"q.jsonl", R"({"question": "capital of France", "answers": ["Paris"]})"}};
    const QaDataset dataset = import_facts({capitals}, sources);
    CHECK(questions(dataset, "train") ==
          Texts{"what is the capital of <France> = <Paris>", "capitals of <Bolivia> = <Sucre> <La Paz>", "who = "});
    CHECK(questions(dataset, "test") == Texts{"capital of <France> = <Paris>"});

    const auto error = [](const std::string& text) {
        return error_of([&] { import_facts({capitals}, {{Source{"q.tsv", text}}, {}, {}}); });
    };
    CHECK_THAT(error("who\n"), Catch::Contains("q.tsv:1") && Catch::Contains("no tab"));
    CHECK_THAT(error("who\ta\t\tb\n"), Catch::Contains("q.tsv:1") && Catch::Contains("an answer"));
}

TEST_CASE("numbers are names of answers as they are written", "[import][kb]") {
    QuestionSources sources;
    sources.train = {
        Source{"q.jsonl", R"({"question": "which in [France]", "answers": [1887, 18446744073709551615, 0.5]})"}};
    const QaDataset dataset = import_facts({capitals}, sources);
    CHECK(questions(dataset, "train") == Texts{"which in <France> = <1887> <18446744073709551615> <0.5>"});
}

TEST_CASE("what cannot be learned is told with its line, and then counted", "[import][kb]") {
    QuestionSources sources;
    std::string lines = "capital of [France]\tParis\nwho\tParis\n";
    for (int i = 0; i < 7; ++i) lines += "capital of [France] " + std::to_string(i) + "\tNowhere\n";
    sources.train = {Source{"q.tsv", lines}};
    std::vector<std::string> warnings;
    ImportOptions options;
    options.warn = [&](const std::string& warning) { warnings.push_back(warning); };
    kb_from({{"facts.tsv", "France\tcapital\tParis\nFrance\tflag\tTricolore\n"}},
            Source{"t.tsv", "capital > flag\tflag of the capital of {}\ttrain\n"}, {.test_entity_fraction = 0}, sources,
            options);
    REQUIRE(warnings.size() == 8);
    CHECK(warnings[0] == "t.tsv:1: no fact makes a question of the phrasing");
    CHECK(warnings[1] == "q.tsv:2: the question names nothing that is known");
    CHECK(warnings[2] == "q.tsv:3: no fact holds a right answer of the question");
    CHECK(warnings[7] == "of 7 lines: no fact holds a right answer of the question");
}

TEST_CASE("a heading that is read as a fact is told", "[import][kb]") {
    const auto told = [](const std::string& first) {
        std::vector<std::string> warnings;
        ImportOptions options;
        options.warn = [&](const std::string& warning) { warnings.push_back(warning); };
        std::string lines = first;
        for (const char* name : {"Peru", "Chile", "Cuba", "Fiji"}) lines += name + std::string("\tcapital\tthere\n");
        kb_from({{"f.tsv", lines}}, {}, {}, {}, options);
        return warnings;
    };
    REQUIRE(told("country\trelation\tvalue\n").size() == 1);
    CHECK_THAT(told("country\trelation\tvalue\n")[0], Catch::StartsWith("f.tsv:1: ") && Catch::Contains("@table"));
    CHECK(told("France\tcapital\tParis\n").empty());
}

// Entities c0... with capitals d0..., all in one continent.
static std::string many_facts(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const std::string n = std::to_string(i);
        text += "c" + n + "\tcapital\td" + n + "\nc" + n + "\tcontinent\tworld\n";
    }
    return text;
}

static QaDataset import_templates(const std::string& facts, const std::string& lines, TemplateOptions templates = {},
                                  const ImportOptions& options = {}, const QuestionSources& questions = {}) {
    QaDataset dataset = kb_from({{"facts.tsv", facts}}, Source{"templates.tsv", lines}, templates, questions, options);
    dataset.validate("test");
    return dataset;
}

static const std::string phrasings =
    "# relation, phrasing, set\n"
    "capital\twhat is the capital of {}?\ttrain\n"
    "capital\t{} has which capital\ttrain\n"
    "capital\twhere does {} govern from\ttest\n"
    "~capital\twhose capital is {}\ttrain\n"
    "~capital\t{} is the seat of\ttest\n";

TEST_CASE("templates ask for every value of a key", "[import][kb]") {
    const QaDataset dataset = import_templates(capitals, "capital\tcapital of {}?\ttrain\n~capital\t{} is in\ttrain\n",
                                               {.file = {}, .test_entity_fraction = 0});
    CHECK(questions(dataset, "train") == Texts{"capital of <France> = <Paris>", "<Paris> is in = <France>",
                                               "capital of <Bolivia> = <Sucre> <La Paz>", "<Sucre> is in = <Bolivia>",
                                               "<La Paz> is in = <Bolivia>"});
    CHECK(dataset.splits.count("test") == 0);
}

TEST_CASE("entities held out are asked about in the test alone, with phrasings held out", "[import][kb]") {
    const QaDataset dataset = import_templates(many_facts(50), phrasings, {.file = {}, .test_entity_fraction = 0.2});
    const Texts train = questions(dataset, "train"), test = questions(dataset, "test");
    CHECK(train.size() == 80);
    CHECK(test.size() == 20);
    const auto topic = [](const std::string& question) {
        return question.substr(question.find('<'), question.find('>') - question.find('<'));
    };
    std::set<std::string> trained;
    for (const std::string& question : train) {
        trained.insert(topic(question));
        CHECK(question.find("govern") == std::string::npos);
        CHECK(question.find("seat") == std::string::npos);
    }
    for (const std::string& question : test) {
        CHECK_FALSE(trained.contains(topic(question)));
        CHECK((question.find("govern") != std::string::npos || question.find("seat") != std::string::npos));
    }
    CHECK(dataset.vocabulary.count(*dataset.vocabulary.find(TokenKind::word, "govern")) == 0);
}

TEST_CASE("the same seed makes the same questions, another makes others", "[import][kb]") {
    const auto made = [](std::uint64_t seed) {
        ImportOptions options;
        options.seed = seed;
        options.valid_fraction = 0.1;
        return import_templates(many_facts(50), phrasings, {}, options);
    };
    const QaDataset first = made(1);
    CHECK(made(1).splits == first.splits);
    CHECK(made(2).splits != first.splits);
    CHECK(first.splits.at("valid").size() == 9);
}

TEST_CASE("a key is asked in as many phrasings as wanted, none twice", "[import][kb]") {
    const QaDataset dataset =
        import_templates(capitals, phrasings, {.file = {}, .test_entity_fraction = 0, .questions_per_key = 5});
    Texts all = questions(dataset, "train");
    CHECK(all.size() == 2 * 2 + 3);
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("questions of files join those of templates", "[import][kb]") {
    QuestionSources sources;
    sources.train = {Source{"q.tsv", "name the capital of France\tParis\n"}};
    const QaDataset dataset = import_templates(capitals, "capital\tcapital of {}\ttrain\n",
                                               {.file = {}, .test_entity_fraction = 0}, {}, sources);
    CHECK(questions(dataset, "train") == Texts{"capital of <France> = <Paris>",
                                               "capital of <Bolivia> = <Sucre> <La Paz>",
                                               "name the capital of <France> = <Paris>"});
}

TEST_CASE("a tenth of the training questions validates where that is wanted and nothing else does", "[import][kb]") {
    const std::string facts = many_facts(30);
    const auto valid = [&](const ImportOptions& options, int count = 30) {
        const QaDataset dataset = import_templates(many_facts(count), phrasings, {}, options);
        return questions(dataset, "valid").size();
    };
    CHECK(valid({}) == 0);
    CHECK(valid({.valid_by_default = true}) == 5);
    CHECK(valid({.valid_fraction = 0.5, .valid_by_default = true}) == 27);
    CHECK(valid({.valid_by_default = true}, 5) == 0);
    const QaDataset memory = kb_from({{"f.tsv", facts}}, {}, {}, {}, {.valid_by_default = true});
    CHECK(memory.splits.empty());
}

TEST_CASE("bad templates are errors that name the line", "[import][kb]") {
    const auto error = [](const std::string& lines) { return error_of([&] { import_templates(capitals, lines); }); };
    CHECK_THAT(error("capital\twhere\ttrain\n"), Catch::Contains("templates.tsv:1") && Catch::Contains("'{}' once"));
    CHECK_THAT(error("capital\t{} or {}\ttrain\n"), Catch::Contains("templates.tsv:1") && Catch::Contains("'{}' once"));
    CHECK_THAT(error("#\nriver\tof {}\ttrain\n"), Catch::Contains("templates.tsv:2") && Catch::Contains("'river'"));
    CHECK_THAT(error("capital\tof {}\tvalid\n"), Catch::Contains("templates.tsv:1") && Catch::Contains("'valid'"));
    CHECK_THAT(error("capital\tof {}\n"), Catch::Contains("templates.tsv:1") && Catch::Contains("2 fields"));
    CHECK_THAT(error("capital\tof {}\ttrain\ncapital\tof {}\ttest\n"), Catch::Contains("templates.tsv:2"));
    CHECK_THAT(error_of([] { import_templates(many_facts(20), "capital\tof {}\ttrain\n"); }),
               Catch::Contains("held out") && Catch::Contains("templates.tsv"));
}

TEST_CASE("own facts are read by path", "[import][kb]") {
    const TemporaryDirectory directory;
    const auto facts = directory.write("facts.tsv", capitals);
    TemplateOptions templates;
    templates.file = directory.write("templates.tsv", phrasings);
    const QaDataset dataset = import_kb({facts}, templates, {});
    CHECK(dataset.memory.size() == 6);
    CHECK(dataset.splits.count("train") == 1);

    CHECK_THROWS_AS(import_kb({}, {}, {}), UsageError);
    CHECK_THROWS_AS(import_kb({facts}, {.file = {}, .test_entity_fraction = 1}, {}), UsageError);
    CHECK_THROWS_AS(import_kb({facts}, {.file = {}, .test_entity_fraction = std::nan("")}, {}), UsageError);
    CHECK_THROWS_AS(import_kb({facts}, {.file = {}, .test_entity_fraction = 0, .questions_per_key = 0}, {}),
                    UsageError);
    CHECK_THAT(error_of([&] {
                   import_kb({facts, directory.path() / "more.tsv"}, {}, {});
               }),
               Catch::Contains("more.tsv"));
    templates.file = directory.path() / "nothing.tsv";
    CHECK_THAT(error_of([&] { import_kb({facts}, templates, {}); }), Catch::Contains("nothing.tsv"));
}

TEST_CASE("possessives are the same words in templates, brackets and plain text", "[import][kb]") {
    QuestionSources sources;
    sources.train = {Source{"q.tsv", "what is [France]'s capital\tParis\nwhat is France’s capital\tParis\n"}};
    const Source templates{"t.tsv", "capital\twhat is {}'s capital\ttrain\n"};
    const QaDataset dataset = kb_from({{"f.tsv", "France\tcapital\tParis\n"}}, templates,
                                      {.file = {}, .test_entity_fraction = 0}, sources, {});
    CHECK(questions(dataset, "train") == Texts(3, "what is <France> s capital = <Paris>"));
}

TEST_CASE("names have no control characters and no signs of the format", "[import][kb]") {
    const auto error = [](const std::string& name) {
        return error_of([&] { import_facts({"A\tr\tB\n" + name + "\tr\tB\n"}); });
    };
    for (const char* bad : {"Li\u009b31mma", "Li\x1bma", "Li\u202ema", "Li\u2066ma", "Li\u2028ma", "Li\x7fma"})
        CHECK_THAT(error(bad), Catch::Contains("facts0.tsv:2: a name holds a control character"));
    for (const char* bad : {"Li|ma", "Li[ma", "Lima]"})
        CHECK_THAT(error(bad), Catch::Contains("facts0.tsv:2: a name holds a sign"));
    CHECK(error("Lima (Perú) – “Ciudad de los Reyes”").empty());
    CHECK_THAT(error_of([] { import_facts({"@table\tx\tr\nA\t[B]\n"}); }), Catch::Contains("facts0.tsv:2"));
    for (const char* file : {"q.tsv", "q.jsonl"}) {
        const bool as_json = std::string(file) == "q.jsonl";
        const Source source{file, as_json ? R"({"question": "who", "answers": ["A[B"]})" : "who\tA[B\n"};
        CHECK_THAT(error_of([&] {
                       import_facts({capitals}, {{source}, {}, {}});
                   }),
                   Catch::Contains(std::string(file) + ":1: a name holds a sign"));
    }
}
