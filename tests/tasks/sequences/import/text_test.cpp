#include "kvmem/core/error.hpp"
#include "tasks/sequences/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

using Texts = std::vector<std::string>;

TextDataset import(const Texts& files, Documents documents, const SequenceImport& options = {}) {
    SequenceSources sources;
    for (const std::string& file : files) sources.train.push_back({"train.txt", file});
    TextDataset dataset = text_from(sources, options, {UnitKind::chars}, documents);
    dataset.validate("what was imported");
    return dataset;
}

Texts said(const TextDataset& dataset, const std::string& split) {
    Texts documents;
    for (Index i = 0; i < dataset.split(split).size(); ++i)
        documents.push_back(dataset.units.decode(dataset.split(split)[i]));
    return documents;
}

}  // namespace

TEST_CASE("a file is a document with all its lines", "[sequence_import]") {
    CHECK(said(import({"\ufeffa\r\n\r\n b\rc", "d\n"}, Documents::files), "train") == Texts{"a\n\n b\nc", "d\n"});
    CHECK(said(import({std::string(3'000'000, 'x')}, Documents::files), "train")[0].size() == 3'000'000);
}

TEST_CASE("lines are documents where that is wanted", "[sequence_import]") {
    CHECK(said(import({"a\n\n b\n", "c"}, Documents::lines), "train") == Texts{"a", " b", "c"});
}

TEST_CASE("the part of a text for validation is the last one", "[sequence_import]") {
    SequenceImport options;
    options.valid_fraction = 0.25;
    const TextDataset files = import({"abcdefg\u00e9", "12345"}, Documents::files, options);
    CHECK(said(files, "train") == Texts{"abcdef", "123"});
    CHECK(files.split("valid")[0].size() == 2);
    CHECK(files.split("valid")[1].size() == 2);
    const TextDataset lines = import({"a\nab\n", "c\nba\n"}, Documents::lines, options);
    CHECK(said(lines, "train") == Texts{"a", "ab", "c"});
    CHECK(said(lines, "valid") == Texts{"ba"});
    CHECK_THROWS_WITH(import({"a\n"}, Documents::lines, options), Contains("two lines"));
    CHECK(said(import({"\u00e9a"}, Documents::files, options), "train") == Texts{"\u00e9"});
    CHECK_THROWS_WITH(import({"a"}, Documents::files, options), Contains("two characters"));
}

TEST_CASE("lines that are no text are errors with their number, or skipped", "[sequence_import]") {
    const std::string text = "a\n\xc3\nb\n" + std::string("\0\n", 2) + "c";
    CHECK_THROWS_WITH(import({text}, Documents::files), Contains("train.txt:2") && Contains("UTF-8"));
    Texts told;
    SequenceImport options;
    options.on_bad_line = [&](const Error& bad) { told.push_back(bad.problem().where); };
    CHECK(said(import({text}, Documents::files, options), "train") == Texts{"a\nb\nc"});
    CHECK(said(import({text}, Documents::lines, options), "train") == Texts{"a", "b", "c"});
    CHECK(told == Texts{"train.txt:2", "train.txt:4", "train.txt:2", "train.txt:4"});
    CHECK_THROWS_WITH(import({"\xff\n"}, Documents::files, options), Contains("no line that is text"));
    CHECK_THROWS_WITH(import({""}, Documents::files), Contains("empty"));
}
