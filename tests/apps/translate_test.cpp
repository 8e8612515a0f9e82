// kvmem translate, align, generate, and evaluate and plot of runs on sequences.
#include "support/program_fixture.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <sstream>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

namespace {

// Runs that were trained a little: dates to ISO dates, and a text.
struct SequenceRuns {
    TemporaryDirectory directory;
    std::string pairs = path("pairs"), run = path("run"), text_run = path("text-run");

    SequenceRuns() {
        REQUIRE(kvmem_program({"synth", "pairs", "--task", "dates", "--lines", "600", "--valid", "40", "--test", "30",
                               "-o", pairs})
                    .code == 0);
        train({pairs + "/pairs.h5", "--run", run, "--model", "seq2seq", "--width", "32", "--epochs", "4"});
        std::string text;
        for (int i = 0; i < 200; ++i) text += "the cat sat on the mat.\n";
        const std::string file = directory.write("text.txt", text).string();
        const Output done = kvmem_program(
            {"import", "text", file, "--units", "chars", "--valid-fraction", "0.1", "-o", path("text.h5")});
        INFO(done.err);
        REQUIRE(done.code == 0);
        train({path("text.h5"), "--run", text_run, "--width", "16", "--epochs", "2"});
    }
    std::string path(const std::string& name) const { return (directory.path() / name).string(); }
    std::string sources() const {
        std::string all;
        std::istringstream lines(read_file(pairs + "/test.tsv"));
        for (std::string line; std::getline(lines, line);) all += line.substr(0, line.find('\t')) + "\n";
        return all;
    }

  private:
    static void train(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "train");
        const Output done = kvmem_program(arguments);
        INFO(done.err);
        REQUIRE(done.code == 0);
    }
};

const SequenceRuns& runs() {
    static const SequenceRuns all;
    return all;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream all(text);
    for (std::string line; std::getline(all, line);) lines.push_back(line);
    return lines;
}

Output translate(std::vector<std::string> more, const std::string& input) {
    more.insert(more.begin(), {"translate", runs().run});
    return kvmem_program(more, input);
}

}  // namespace

TEST_CASE("lines are translated, each with the same bits whatever surrounds it", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string input = runs().sources();
    const std::vector<std::string> options{"--beam", "3", "--json", "--align", "pharaoh"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), options.begin(), options.end());
        return more;
    };
    const Output whole = translate(options, input);
    CHECK(whole.code == 0);
    CHECK(whole.err.empty());
    const std::vector<std::string> all = lines_of(whole.out), sources = lines_of(input);
    REQUIRE(all.size() == 30);
    CHECK(translate(with({"--threads", "1", "--batch", "4"}), input).out == whole.out);
    CHECK(translate(options, sources[7] + "\n").out == all[7] + "\n");
    const json::value result = json::parse(all[7]);
    CHECK(result.at("source").as_string() == sources[7]);
    const json::array& weights = result.at("results").at(0).at("weights").as_array();
    REQUIRE(weights.size() == 1);  // heads
    CHECK(weights[0].at(0).as_array().size() == sources[7].size());
    const std::string file = runs().directory.write("in.txt", input).string();
    CHECK(translate(with({file}), "").out == whole.out);
}

TEST_CASE("results have columns for scores and alignments", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const Output best = translate({"--n-best", "3", "--scores", "--align", "pharaoh"}, "5 March 2016\n1 May 1999\n");
    CHECK(best.code == 0);
    const auto lines = lines_of(best.out);
    REQUIRE(lines.size() == 6);
    CHECK(lines[0].starts_with("1\t"));
    CHECK(lines[5].starts_with("2\t"));
    CHECK(std::ranges::count(lines[0], '\t') == 3);
    CHECK_THAT(lines[0], Catch::Contains("-0 ") && Catch::Contains("-1 "));
    CHECK_THAT(translate({"--align", "text", "--head", "1"}, "5 March 2016\n").out, Catch::Contains(">"));
    check_fails(translate({"--align", "text", "--head", "2"}, "5 March 2016\n"), 2, "head");
    check_fails(translate({"--align", "all"}, ""), 2, "align");
    const std::string plain = translate({}, "5 March 2016\n1 May 1999\n").out;
    CHECK(translate({"--stream"}, "5 March 2016\n1 May 1999\n").out == plain);
    CHECK(translate({"--with", runs().run}, "5 March 2016\n1 May 1999\n").out == plain);
    for (const std::string& line :
         lines_of(translate({"--prefix", "20", "--beam", "2"}, "5 March 2016\n1 May 1999\n").out))
        CHECK(line.starts_with("20"));
    const std::vector<std::string> sampling{"--sample", "--seed", "3", "--top-k", "5"};
    CHECK(translate(sampling, "5 March 2016\n").out == translate(sampling, "5 March 2016\n").out);
    check_fails(translate({"--stream", "--beam", "2"}, "1 May 1999\n"), 2, "beam");
    check_fails(translate({"--top-p", "0"}, ""), 2, "--top-p");
    check_fails(translate({"--with", runs().text_run}, ""), 1, "no sources");
}

TEST_CASE("bad lines are errors with their number, or told and skipped", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string bad = "1 May 1999\n\n1 May\xff\n" + std::string(1 << 20, 'x') + "\n2 May 1999";
    const Output stopped = translate({}, bad);
    check_fails(stopped, 1, "stdin:2: the line is empty");
    CHECK(lines_of(stopped.out).size() == 1);
    const Output skipped = translate({"--skip-bad"}, bad);
    CHECK(skipped.code == 0);
    CHECK_THAT(skipped.err, Catch::Contains("skipped: stdin:2") && Catch::Contains("stdin:3: the text is not valid") &&
                                Catch::Contains("stdin:4: the line is too long"));
    const auto lines = lines_of(skipped.out);
    REQUIRE(lines.size() == 5);
    CHECK(lines[1].empty());
    CHECK(lines[4] == lines_of(translate({}, "2 May 1999\n").out)[0]);
    CHECK(translate({}, "").out.empty());
}

TEST_CASE("a run on pairs is evaluated on splits and on text files", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string& run = runs().run;
    const Output text = kvmem_program({"evaluate", run, "--worst", "2"});
    CHECK(text.code == 0);
    CHECK_THAT(text.out, Catch::Contains("test: 30 sources") && Catch::Contains("nrefs:1|case:mixed|eff:no|tok:13a|") &&
                             Catch::Contains("chrF2") && Catch::Contains("by length"));
    const Output split = kvmem_program({"evaluate", run, "--json"});
    const json::value report = json::parse(split.out);
    CHECK(report.at("lines") == 30);
    CHECK(report.at("perplexity").to_number<double>() > 1);
    const json::value file = json::parse(
        kvmem_program({"evaluate", run, "--json", "--pairs", runs().pairs + "/test.tsv", "--beam", "1"}).out);
    CHECK(file.at("exact") == report.at("exact"));
    CHECK(file.at("perplexity") == report.at("perplexity"));
    const std::string two = runs().directory.write("two.tsv", "1 May 1999\tx\n1 May 1999\t1999-05-01\n").string();
    CHECK(json::parse(kvmem_program({"evaluate", run, "--json", "--pairs", two}).out).at("lines") == 1);
    check_fails(kvmem_program({"evaluate", run, "--split", "exam"}), 1, "exam");
    check_fails(kvmem_program({"evaluate", run, "--tokenize", "zh"}), 2, "tokenize");
    check_fails(kvmem_program({"evaluate", runs().text_run, "--split", "valid", "--beam", "2"}), 2, "--beam");
    const Output remembered =
        kvmem_program({"evaluate", runs().text_run, "--split", "valid", "--json", "--memory", runs().path("text.h5")});
    const json::value text_report = json::parse(remembered.out);
    CHECK(text_report.at("nats").to_number<double>() < text_report.at("nats_without_memory").to_number<double>());
    check_fails(kvmem_program({"ask", run, "where?"}), 1, "answers no questions");
}

TEST_CASE("the attention of a line is drawn in the terminal and on a page", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string& run = runs().run;
    const Output drawn = kvmem_program({"align", run, "5 Mar 2016", "2016-03-05"});
    CHECK(drawn.code == 0);
    const auto lines = lines_of(drawn.out);
    REQUIRE(lines.size() == 12);  // title, symbols of the source, and a row for each of the target
    CHECK_THAT(lines[0], Catch::StartsWith("5 Mar 2016 → 2016-03-05"));
    CHECK_THAT(lines[1], Catch::Contains("␣  M  a  r"));
    const std::string page = kvmem_program({"align", run, "5 <Mar> 2016", "--html", "-"}).out;
    CHECK_THAT(page, Catch::StartsWith("<!DOCTYPE html>") && Catch::Contains("5 &lt;Mar&gt; 2016") &&
                         Catch::Contains("source symbol"));
    check_fails(kvmem_program({"align", run}), 2, "source");
    check_fails(kvmem_program({"align", runs().text_run, "a"}), 1, "no sources");
}

TEST_CASE("a text model goes on with a text", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string& run = runs().text_run;
    const Output text = kvmem_program({"generate", run, "--prompt", "the ", "--max-length", "30"});
    CHECK(text.code == 0);
    CHECK_THAT(text.out, Catch::StartsWith("the "));
    CHECK(text.out.size() <= 35);
    CHECK(kvmem_program({"generate", run, "--prompt", "the ", "--max-length", "30"}).out == text.out);
    CHECK(kvmem_program({"generate", run, "--prompt", "the ", "--max-length", "30", "--seed", "2"}).out != text.out);
    const Output three =
        kvmem_program({"generate", run, "--n-best", "3", "--max-length", "9", "--json", "--prompt", "the "});
    CHECK(lines_of(three.out).size() == 3);
    CHECK_THAT(kvmem_program({"generate", run, "--beam", "3", "--prompt", "the ", "--max-length", "9"}).out,
               Catch::StartsWith("the "));
    check_fails(kvmem_program({"generate", runs().run}), 1, "text model");
    const json::value report = json::parse(kvmem_program({"evaluate", run, "--split", "valid", "--json"}).out);
    CHECK(report.at("nats").to_number<double>() < 4);
}

TEST_CASE("runs on sequences are drawn and told of", "[program][sequence_runs][plot]") {
    NEED_PROGRAM();
    const std::string page = kvmem_program({"plot", runs().run, "-o", "-", "--examples", "4"}).out;
    CHECK_THAT(page, Catch::Contains("Learning curves") && Catch::Contains("Errors by length") &&
                         Catch::Contains("validation exact match, %") && Catch::Contains("head 1"));
    CHECK_THAT(kvmem_program({"plot", runs().text_run, "-o", "-"}).out, Catch::Contains("nats a symbol"));
    CHECK_THAT(kvmem_program({"inspect", runs().run}).out, Catch::Contains("symbols of targets"));
    const json::value told = json::parse(kvmem_program({"inspect", runs().text_run, "--json"}).out);
    CHECK(told.at("format") == "kvmem-model");
}

TEST_CASE("training finds the task in the data and refuses models of others", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string data = runs().pairs + "/pairs.h5", run = runs().path("none");
    check_fails(kvmem_program({"train", data, "--run", run, "--model", "mem-n2n"}), 2, "kvmem-qa");
    check_fails(kvmem_program({"train", data, "--run", run, "--model", "seq2seq", "--hops", "2"}), 2,
                "no such setting");
    check_fails(kvmem_program({"train", runs().path("text.txt"), "--run", run}), 1, "HDF5");
    CHECK_THAT(kvmem_program({"train", "--model", "seq2seq", "--help"}).out, Catch::Contains("Options of seq2seq"));
    CHECK_THAT(kvmem_program({"train", "--help"}).out, Catch::Contains("seq2seq: ") && Catch::Contains("mem-n2n: "));
    const Output again = kvmem_program({"train", "--resume", "--run", runs().run});
    CHECK(again.code == 0);
}

TEST_CASE("an alignment of a given target has the log probability of all of it and its end",
          "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string source = lines_of(runs().sources())[0];
    const auto log_probability = [&](const std::string& target) {
        const std::string out = kvmem_program({"align", runs().run, source, target}).out;
        return std::stod(out.substr(out.find("log probability") + 15));
    };
    const json::value best = json::parse(translate({"--json"}, source + "\n").out).at("results").at(0);
    const std::string text(best.at("text").as_string());
    CHECK(log_probability(text) == Approx(best.at("log_probability").as_double()).margin(1e-3));
}

TEST_CASE("heads and unknown symbols are told", "[program][sequence_runs]") {
    NEED_PROGRAM();
    check_fails(translate({"--align", "pharaoh", "--head", "2"}, "5 May 1999\n"), 2, "1 to 1");
    check_fails(translate({"--head", "1"}, "5 May 1999\n"), 2, "--align");
    const Output unknown = translate({}, "5 May 1999€\n");
    CHECK(unknown.code == 0);
    CHECK_THAT(unknown.err, Catch::Contains("does not know 1 symbol"));
}

TEST_CASE("an unknown symbol of a reference is never right", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const TemporaryDirectory directory;
    std::string lines;
    for (int i = 0; i < 60; ++i) lines += "a\tx" + std::to_string(i) + "\n";
    const std::string train = directory.write("train.tsv", lines).string();
    const auto path = [&](const char* name) { return (directory.path() / name).string(); };
    REQUIRE(
        kvmem_program({"import", "pairs", train, "--valid", train, "--target", "words:4", "-o", path("d.h5")}).code ==
        0);
    REQUIRE(kvmem_program({"train", path("d.h5"), "--run", path("run"), "--model", "seq2seq", "--width", "8",
                           "--epochs", "3", "--rate", "0.05"})
                .code == 0);
    const json::value report = json::parse(kvmem_program({"evaluate", path("run"), "--split", "valid", "--json"}).out);
    CHECK(report.at("exact").to_number<double>() < 0.1);
}

TEST_CASE("a memory beside a model tells what an output rests on", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string &run = runs().run, pairs = runs().directory.write("more.tsv", "zzz\t99\n").string();
    CHECK(translate({}, "zzz\n").out != "99\n");
    const std::vector<std::string> near{"--neighbours", "1", "--mix", "0.99", "--explain"};
    const auto with = [&](std::vector<std::string> options) {
        options.insert(options.end(), near.begin(), near.end());
        return options;
    };
    const Output told = translate(with({"--memory", pairs}), "zzz\n");
    CHECK(told.out ==
          "99\n  9:  100.00% 9 (zzz -> 99)\n  9:  100.00% 9 (zzz -> 99)\n  (end):  100.00% (end) (zzz -> 99)\n");
    const std::string store = runs().path("memory.h5");
    const Output made = kvmem_program({"index", "--run", run, "-m", runs().pairs + "/pairs.h5", "-o", store});
    CHECK(made.code == 0);
    CHECK(translate(with({"-m", store}), "zzz\n").out != told.out);
    CHECK(kvmem_program({"index", "--run", run, "-m", pairs, "-o", store, "--add"}).code == 0);
    const json::value result = json::parse(translate(with({"-m", store, "--json"}), "zzz\n").out).at("results").at(0);
    CHECK(result.at("text") == "99");
    CHECK(result.at("memories").at(2).at("slots").at(0).at("text") == "zzz -> 99");
    check_fails(kvmem_program({"index", "--run", run, "-m", pairs, "-o", store}), 1, "of this name already");
    check_fails(kvmem_program({"index", "--run", run, "-o", runs().path("m.h5"), "--resume"}), 2, "resume");
    check_fails(translate({"--memory", store, "--memory", pairs}, "zzz\n"), 2, "one store alone");
    check_fails(translate({"--memory", runs().path("text.h5")}, "zzz\n"), 1, "kvmem-text");
    check_fails(translate({"--explain"}, "zzz\n"), 2, "--memory");
    check_fails(translate({"--mix", "0.5"}, "zzz\n"), 2, "--memory");
}

TEST_CASE("options of a memory are tuned on a split", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::vector<std::string> tune{"evaluate", runs().run, "--memory", runs().pairs + "/test.tsv", "--tune"};
    CHECK_THAT(kvmem_program(tune).out, Catch::Contains("--mix 0.9 --memory-temperature") &&
                                            Catch::Contains("without it") && Catch::Contains("test: 30 sources"));
    std::vector<std::string> as_json = tune;
    as_json.push_back("--json");
    const json::value report = json::parse(kvmem_program(as_json).out);
    CHECK(report.at("exact") == report.at("memory_trials").at(0).at("exact"));
    const json::value alone = json::parse(kvmem_program({"evaluate", runs().run, "--json"}).out);
    CHECK(report.at("exact").to_number<double>() > alone.at("exact").to_number<double>());
    check_fails(kvmem_program({"evaluate", runs().run, "--tune"}), 2, "--memory");
}

TEST_CASE("a text model goes on with a memory of texts", "[program][sequence_runs]") {
    NEED_PROGRAM();
    const std::string other = runs().directory.write("other.txt", "the mat sat on the cat.\n").string();
    const std::vector<std::string> options{"generate",     runs().text_run,
                                           "--prompt",     "the ",
                                           "--max-length", "20",
                                           "--neighbours", "1",
                                           "--mix",        "1",
                                           "--beam",       "1",
                                           "--memory",     other,
                                           "--threads",    "1"};
    CHECK_THAT(kvmem_program(options).out, Catch::StartsWith("the mat sat on the cat."));
    check_fails(kvmem_program({"generate", runs().text_run, "--memory", runs().pairs + "/pairs.h5"}), 1, "kvmem-pairs");
}

TEST_CASE("every layer's and head's weights are shown by their names", "[program][sequence_runs][plot]") {
    NEED_PROGRAM();
    const std::string run = runs().path("transformer");
    REQUIRE(kvmem_program({"train", runs().pairs + "/pairs.h5", "--run", run, "--model", "transformer", "--width", "8",
                           "--heads", "2", "--encoder-layers", "1", "--decoder-layers", "2", "--epochs", "1"})
                .code == 0);
    const std::string drawn = kvmem_program({"align", run, "5 Mar 2016", "2016-03-05"}).out;
    CHECK_THAT(drawn, Catch::Contains("layer 1 head 1\n") && Catch::Contains("layer 2 head 2\n"));
    const std::string page = kvmem_program({"plot", run, "-o", "-", "--examples", "2"}).out;
    CHECK_THAT(page, Catch::Contains("layer 2 head 1") && Catch::Contains("The source, read by itself") &&
                         Catch::Contains("The output, read by itself"));
}
