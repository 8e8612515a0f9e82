// kvmem import pairs and text, kvmem synth pairs, kvmem inspect of what they write.
#include "kvmem/tasks/sequences/dataset.hpp"
#include "support/program_fixture.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

namespace {

// Pairs with a source that has two targets, and bad lines.
struct PairsFixture {
    TemporaryDirectory directory;
    std::string train = write("train.tsv", "cat\tK AE T\ndog\tD AO G\ndog\tD AA G\nbat\tB AE T\n");
    std::string test = write("test.tsv", "tab\tT AE B\ngo\tG OW\ngo\tG AO\n");
    std::string bad = write("bad.tsv", "cat\tK\nno tab\ndog\t\na\tb\tc\n\xff\tX\n\tY\nab\tAE B\nx\ny\n");
    std::string data = path("data.h5");

    std::string path(const std::string& name) const { return (directory.path() / name).string(); }
    std::string write(const std::string& name, std::string_view text) const {
        return directory.write(name, text).string();
    }
    Output import(const std::string& layout, std::vector<std::string> more) const {
        std::vector<std::string> arguments{"import", layout, "-o", data};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    }
    json::value inspected() const { return json::parse(kvmem_program({"inspect", data, "--json"}).out); }
};

}  // namespace

TEST_CASE("pairs are imported and told of", "[program]") {
    NEED_PROGRAM();
    const PairsFixture f;
    const Output done = f.import("pairs", {f.train, "--test", f.test, "--source", "chars", "--target", "words",
                                           "--title", "Sounds", "--license", "CC0-1.0", "--origin", "by ear"});
    INFO(done.err);
    REQUIRE(done.code == 0);
    CHECK(done.out.empty());
    CHECK_THAT(done.err, Catch::Contains("4 train pairs") && Catch::Contains("3 test pairs"));
    const PairsDataset dataset = load_pairs(f.data);
    CHECK(dataset.info.title == "Sounds");
    CHECK(dataset.info.source == "by ear");
    CHECK(dataset.info.license == "CC0-1.0");
    CHECK_THAT(dataset.info.generator, Catch::Contains("import pairs"));
    CHECK(dataset.split("test").size() == 2);
    const json::value report = f.inspected();
    CHECK(report.at("source_units").at("kind") == "chars");
    CHECK(report.at("splits").at("test").at("max_references") == 2);
    CHECK(report.at("splits").at("test").at("target").at("unknown") == 1);
    const Output told = kvmem_program({"inspect", f.data});
    CHECK_THAT(told.out, Catch::Contains("go -> G <unknown> | G AO"));
}

TEST_CASE("a share of the sources is taken to validate with", "[program]") {
    NEED_PROGRAM();
    const PairsFixture f;
    REQUIRE(f.import("pairs", {f.train, "--valid-fraction", "0.3"}).code == 0);
    CHECK(load_pairs(f.data).split("valid").size() == 1);
    check_fails(f.import("pairs", {f.train, "--valid", f.test, "--valid-fraction", "0.3"}), 2, "both");
    check_fails(f.import("pairs", {f.train, "--valid-fraction", "1"}), 2, "between 0 and 1");
}

TEST_CASE("bad lines stop an import, or are told and left out", "[program]") {
    NEED_PROGRAM();
    const PairsFixture f;
    check_fails(f.import("pairs", {f.bad}), 1, "bad.tsv:2");
    CHECK_FALSE(std::filesystem::exists(f.data));
    const Output done = f.import("pairs", {f.bad, "--skip-bad"});
    CHECK(done.code == 0);
    CHECK_THAT(done.err, Catch::Contains("bad.tsv:3") && Catch::Contains("left out 7 bad lines"));
    CHECK(load_pairs(f.data).split("train").size() == 2);
}

TEST_CASE("texts are imported and told of", "[program]") {
    NEED_PROGRAM();
    const PairsFixture f;
    const std::string text = f.write("text.txt", "to to or\nnot to be\n");
    REQUIRE(f.import("text", {text, "--units", "bpe:260", "--valid-fraction", "0.5"}).code == 0);
    CHECK(f.inspected().at("units").at("tokens") == 260);
    CHECK(load_text(f.data).units.decode(load_text(f.data).split("valid")[0]) == "not to be\n");
    CHECK_THAT(kvmem_program({"inspect", f.data}).out, Catch::Contains("1 document"));
    REQUIRE(f.import("text", {text, "--lines"}).code == 0);
    CHECK(load_text(f.data).split("train").size() == 2);
    check_fails(f.import("pairs", {f.train}), 1, "of another kind");
}

TEST_CASE("imports of sequences refuse what makes no sense", "[program]") {
    NEED_PROGRAM();
    const PairsFixture f;
    check_fails(f.import("pairs", {}), 2, "a file to train on");
    check_fails(f.import("pairs", {f.train, "--source", "bpe"}), 2, "source");
    check_fails(f.import("pairs", {f.train, "--target", "letters"}), 2, "target");
    check_fails(f.import("text", {f.train, "--units", "bpe:100"}), 2, "259");
    check_fails(f.import("pairs", {f.path("none.tsv")}), 1, "none.tsv");
    check_fails(f.import("pairs", {f.path("")}), 1, "directory");
    check_fails(kvmem_program({"import", "pairs", f.train}), 2, "output");
    check_fails(kvmem_program({"import", "pairs", f.train, "-o", f.train}), 2, "one of the inputs");
}

TEST_CASE("the program makes up pairs, the same ones for the same seed", "[program]") {
    NEED_PROGRAM();
    const PairsFixture f;
    const auto synth = [&](const std::string& folder, std::vector<std::string> more) {
        std::vector<std::string> arguments{"synth", "pairs", "-o", f.path(folder)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    };
    for (const char* folder : {"first", "second"})
        REQUIRE(synth(folder, {"--task", "dates", "--lines", "50", "--valid", "5", "--test", "0"}).code == 0);
    for (const char* file : {"pairs.h5", "train.tsv", "valid.tsv"})
        CHECK(read_file(f.path("first") + "/" + file) == read_file(f.path("second") + "/" + file));
    CHECK_THAT(kvmem_program({"inspect", f.path("first") + "/pairs.h5"}).out, Catch::Contains("known origin"));
    check_fails(synth("x", {"--task", "dreams"}), 2, "dates");
    check_fails(synth("x", {}), 2, "task");
    check_fails(synth("x", {"--task", "add", "--lines", "0"}), 2, "lines");
    check_fails(synth("train.tsv", {"--task", "add"}), 1, "train.tsv");
    CHECK_FALSE(std::filesystem::exists(f.path("x")));
}

TEST_CASE("one model for several languages, and a model for each, are measured in the same table",
          "[program][sequences]") {
    NEED_PROGRAM();
    const TemporaryDirectory directory;
    std::string upper, lower;
    for (char c = 'a'; c < 'a' + 20; ++c) {
        upper += std::string(3, c) + "\tX\n";
        lower += std::string(3, c) + "\tY\n";
    }
    for (const char* name : {"one_train.tsv", "one_dev.tsv"}) directory.write(name, upper);
    for (const char* name : {"two_train.tsv", "two_dev.tsv"}) directory.write(name, lower);
    const auto path = [&](const char* name) { return (directory.path() / name).string(); };
    const Output imported =
        kvmem_program({"import", "pairs", path("one_dev.tsv"), path("one_train.tsv"), path("two_dev.tsv"),
                       path("two_train.tsv"), "--prefix-from-name", "-o", path("all.h5")});
    INFO(imported.err);
    REQUIRE(imported.code == 0);
    CHECK_THAT(imported.err, Catch::Contains("40 train pairs, 40 valid pairs"));
    const auto evaluated = [&](const char* run, std::vector<std::string> options) {
        std::vector<std::string> train{"train", path("all.h5"), "--run", path(run),  "--model", "seq2seq", "--width",
                                       "16",    "--embedding",  "8",     "--epochs", "20",      "--rate",  "0.02"};
        train.insert(train.end(), options.begin(), options.end());
        const Output done = kvmem_program(train);
        INFO(done.err);
        REQUIRE(done.code == 0);
        const Output table = kvmem_program({"evaluate", path(run), "--split", "valid"});
        CHECK_THAT(table.out, Catch::Contains("by task") && Catch::Contains("macro mean"));
        return json::parse(kvmem_program({"evaluate", path(run), "--split", "valid", "--json"}).out);
    };
    for (const json::value& report : {evaluated("joint", {}), evaluated("each", {"--per-task"})}) {
        CHECK(report.at("lines") == 40);
        REQUIRE(report.at("tasks").as_array().size() == 2);
        CHECK(report.at("tasks").at(0).at("name") == "one");
        CHECK(report.at("tasks").at(1).at("lines") == 20);
        CHECK(report.at("macro_mean").at("exact") == report.at("exact"));
        CHECK(report.at("exact").to_number<double>() > 0.9);
    }
    CHECK(kvmem_program({"translate", path("joint")}, "<one>aaa\n<two>aaa\n").out == "X\nY\n");
    const json::value one = evaluated("one", {"--tasks", "one"});
    CHECK(one.at("lines") == 20);
    check_fails(kvmem_program({"train", path("all.h5"), "--run", path("x"), "--tasks", "three"}), 2, "of one, two");
}
