#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/sequences/tasks.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/sequences/import/sources.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

const UnitChoice chars{UnitKind::chars}, words{UnitKind::words};

PairsDataset import(const std::string& train, const std::string& test = {}, const SequenceImport& options = {}) {
    SequenceSources sources{{{"train.tsv", train}}, {}, {}};
    if (!test.empty()) sources.test.push_back({"test.tsv", test});
    PairsDataset dataset = pairs_from(sources, options, chars, words);
    dataset.validate("what was imported");
    return dataset;
}

// "source -> target | target", for each source.
std::vector<std::string> said(const PairsDataset& dataset, const std::string& name) {
    const PairSplit& split = dataset.split(name);
    std::vector<std::string> lines;
    for (Index i = 0; i < split.size(); ++i) {
        std::string line = dataset.source.decode(split.source[i]) + " -> ";
        const auto [first, last] = split.references_of(i);
        for (Index target = first; target < last; ++target)
            line += (target == first ? "" : " | ") + dataset.target.decode(split.target[target]);
        lines.push_back(line);
    }
    return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("each line of training is an example, and a test has its sources once", "[sequence_import]") {
    const std::string text = "ab\tA B\nc\tC\nab\tB A\nab\tA B\n";
    const PairsDataset dataset = import(text, text);
    CHECK(said(dataset, "train") == Lines{"ab -> A B", "c -> C", "ab -> B A", "ab -> A B"});
    CHECK(said(dataset, "test") == Lines{"ab -> A B | B A", "c -> C"});
}

TEST_CASE("byte order marks, line ends and blank lines are no part of pairs", "[sequence_import]") {
    CHECK(said(import("\ufeffa\tA\r\n\r\n  \nb\tB\rc\tC"), "train") == Lines{"a -> A", "b -> B", "c -> C"});
}

TEST_CASE("blanks of a source of characters stay", "[sequence_import]") {
    CHECK(said(import(" a b \tA\n"), "train") == Lines{" a b  -> A"});
}

TEST_CASE("units are learned from training alone", "[sequence_import]") {
    const PairsDataset dataset = import("a\tA\n", "ab\tA B\n");
    CHECK(said(dataset, "test") == Lines{"a<unknown> -> A <unknown>"});
}

TEST_CASE("bad pairs are errors with their line", "[sequence_import]") {
    const auto fault = [](const std::string& line) {
        try {
            import("a\tA\n\n" + line + "\nb\tB\n");
        } catch (const Error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK_THAT(fault("no tab"), Contains("train.tsv:3") && Contains("no tab"));
    CHECK_THAT(fault("a\tA\tB"), Contains("train.tsv:3") && Contains("2 tabs"));
    CHECK_THAT(fault("\tA"), Contains("train.tsv:3") && Contains("empty source"));
    CHECK_THAT(fault("a\t "), Contains("train.tsv:3") && Contains("empty target"));
    CHECK_THAT(fault("a\t\xff"), Contains("train.tsv:3") && Contains("not valid UTF-8"));
    CHECK_THAT(fault(std::string("a\tA\0", 4)), Contains("train.tsv:3") && Contains("NUL"));
    CHECK_THAT(fault("a\t" + std::string(1'000'000, 'A')), Contains("train.tsv:3") && Contains("too long"));
    CHECK_THROWS_WITH(import("\n \n"), Contains("empty"));
    CHECK_THROWS_WITH(import("\xff\xfe"), Contains("UTF-16"));
}

TEST_CASE("bad pairs are told and skipped where that is wanted", "[sequence_import]") {
    Lines told;
    SequenceImport options;
    options.on_bad_line = [&](const Error& bad) { told.push_back(bad.problem().where); };
    const std::string text = "x\na\tA\n\xff\tB\n" + std::string(1'000'000, 'A') + "\nb\tB\nc\t\n";
    CHECK(said(import(text, {}, options), "train") == Lines{"a -> A", "b -> B"});
    CHECK(told == Lines{"train.tsv:1", "train.tsv:3", "train.tsv:4", "train.tsv:6"});
    CHECK_THROWS_WITH(import("x\ny\n", {}, options), Contains("no pair"));
}

TEST_CASE("a part for validation has sources of its own, the same ones for the same seed", "[sequence_import]") {
    std::string text;
    for (int i = 0; i < 200; ++i) text += std::to_string(i % 100) + "\t" + std::to_string(i) + "\n";
    SequenceImport options;
    options.valid_fraction = 0.2;
    const PairsDataset dataset = import(text, {}, options);
    CHECK(dataset.split("train").size() == 160);
    CHECK(dataset.split("valid").size() == 20);
    CHECK(dataset.split("valid").target.size() == 40);
    std::set<std::string> train;
    for (const std::string& line : said(dataset, "train")) train.insert(line.substr(0, line.find(" ->")));
    for (const std::string& line : said(dataset, "valid")) CHECK(train.count(line.substr(0, line.find(" ->"))) == 0);
    CHECK(import(text, {}, options) == dataset);
    options.seed = 2;
    CHECK_FALSE(import(text, {}, options) == dataset);
    CHECK_THROWS_WITH(import("a\tA\na\tB\n", {}, options), Contains("two different sources"));
}

TEST_CASE("fractions and files that do not go together are refused before anything is read", "[sequence_import]") {
    SequenceImport options;
    CHECK_THROWS_AS(import_pairs(options, chars, words), UsageError);
    options.train = {"/no/such/file"};
    for (const double fraction : {-0.1, 1.0, std::nan("")}) {
        options.valid_fraction = fraction;
        CHECK_THROWS_AS(import_pairs(options, chars, words), UsageError);
    }
    options.valid_fraction = 0.1;
    options.valid = {"/no/such/file"};
    CHECK_THROWS_AS(import_pairs(options, chars, words), UsageError);
}

TEST_CASE("choices of units are read as they are written", "[sequence_import]") {
    const auto choice = [](std::string_view text) {
        const UnitChoice read = unit_choice(text, "units");
        return std::pair(read.kind, read.size);
    };
    CHECK(choice("chars") == std::pair(UnitKind::chars, Index{0}));
    CHECK(choice("words") == std::pair(UnitKind::words, Index{0}));
    CHECK(choice("words:500") == std::pair(UnitKind::words, Index{500}));
    CHECK(choice("bpe:4000") == std::pair(UnitKind::bpe, Index{4000}));
    for (const char* wrong : {"", "bpe", "bpe:", "bpe:0", "bpe:-1", "bpe:4e3", "chars:5", "word", "words:", ":5",
                              "bpe:99999999999", "bpe:4000:1", "Chars"})
        CHECK_THROWS_AS(choice(wrong), UsageError);
}

TEST_CASE("references are read as text", "[sequence_import]") {
    const test::TemporaryDirectory folder;
    const auto texts = read_references({folder.write("a.tsv", "ab\tA  B\nc\tC\n"), folder.write("b.tsv", "ab\tD\n")});
    REQUIRE(texts.size() == 2);
    CHECK(texts[0].source == "ab");
    CHECK(texts[0].references == Lines{"A  B", "D"});
    CHECK(texts[1].references == Lines{"C"});
}

TEST_CASE("sources are marked by the names of their files, and are of their tasks", "[sequence_import]") {
    const SequenceSources sources{{{"data/fra_train.tsv", "chat\tS A\n"}, {"deu.tsv", "chat\tK A\n"}},
                                  {{"deu_dev.tsv", "a\tA\nchat\tK\nchat\tS\n"}, {"fra_dev.tsv", "chat\tS\n"}},
                                  {}};
    SequenceImport options;
    options.marks_from_names = true;
    PairsDataset dataset = pairs_from(sources, options, chars, words);
    dataset.validate("what was imported");
    CHECK(said(dataset, "train") == Lines{"<fra>chat -> S A", "<deu>chat -> K A"});
    CHECK(said(dataset, "valid") == Lines{"<deu>a -> A", "<deu>chat -> K | S", "<fra>chat -> S"});
    CHECK(dataset.source.encode("<deu>a").size() == 2);
    CHECK(task_names(dataset, {}) == Lines{"deu", "fra"});
    CHECK(task_names(dataset, Lines{"fra"}) == Lines{"fra"});
    CHECK(task_of(dataset.split("train").source[1], dataset.source) == "deu");
    CHECK_THROWS_WITH(task_names(dataset, Lines{"eng"}), Contains("of deu, fra"));
    keep_tasks(dataset, Lines{"deu"});
    dataset.validate("what is left");
    CHECK(said(dataset, "train") == Lines{"<deu>chat -> K A"});
    CHECK(said(dataset, "valid") == Lines{"<deu>a -> A", "<deu>chat -> K | S"});
    options.marks_from_names = false;
    CHECK(task_names(pairs_from(sources, options, chars, words), {}).empty());
    options.marks_from_names = true;
    CHECK_THROWS_WITH(pairs_from({{sources.train[0]}, {sources.valid[0]}, {}}, options, chars, words),
                      Contains("nothing to train on"));
}
