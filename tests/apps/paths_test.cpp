// The program with a model that follows facts.
#include "kvmem/core/file.hpp"
#include "support/program_fixture.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

static const char* const path_templates =
    "capital\twhat is the capital of {}\ttrain\n"
    "capital\twhich capital has {}\ttest\n"
    "~capital > speaks\twhat do people speak in the country whose capital is {}\ttrain\n"
    "~capital > speaks\tthe language of the country with the capital {}\ttrain\n"
    "~capital > speaks\twhat is spoken in the country whose capital is {}\ttest\n";

namespace {

struct PathFixture : ProgramFixture {
    PathFixture() {
        templates = write("paths.tsv", path_templates);
        import();
        const Output done = kvmem_program(
            {"train",       data,  "--run",     run, "--model", "path-reader", "--hops", "2",    "--width",  "32",
             "--spellings", "256", "--members", "2", "--batch", "16",          "--rate", "0.01", "--epochs", "30"});
        INFO(done.err);
        REQUIRE(done.code == 0);
    }
    Output ask(std::vector<std::string> more) const {
        more.insert(more.begin(), {"ask", run});
        return kvmem_program(more);
    }
};

}  // namespace

TEST_CASE("a path reader is trained, measured and asked", "[program]") {
    NEED_PROGRAM();
    const PathFixture f;
    const Output measured = kvmem_program({"evaluate", f.run, "--json"});
    const json::value metrics = json::parse(measured.out);
    CHECK(metrics.at("hits_at_1").as_double() > 0.9);
    CHECK(metrics.at("f1").as_double() > 0.9);
    CHECK(!metrics.as_object().contains("retrieval_recall"));
    CHECK(metrics.at("tasks").at(1).at("path") == "~capital speaks");
    CHECK_THAT(kvmem_program({"evaluate", f.run}).out, Catch::Contains("~capital speaks"));

    const std::string question = "what do people speak in the country whose capital is Oldville9";
    const Output asked = f.ask({question});
    CHECK(asked.code == 0);
    CHECK_THAT(asked.out, Catch::StartsWith("Oldese2\n") &&
                              Catch::Contains("Oldville9 ←capital– Oldland9 –speaks→ Oldese2") &&
                              Catch::Contains("hop 2"));
    const json::value answer = json::parse(f.ask({question, "--json"}).out);
    CHECK(answer.at("paths").at(0).at("steps").at(1).at("relation") == "speaks");
    CHECK(answer.at("words").as_array().size() == 2);

    CHECK(kvmem_program({"plot", f.run, "--split", "test"}).code == 0);
    const std::string page = read_file(f.run + "/plot.html");
    CHECK_THAT(page, Catch::Contains("–speaks→") && Catch::Contains("hop 2"));

    // A fact more or less is a fact more or less.
    CHECK_THAT(f.ask({question, "--remove-fact", "Oldland9|speaks|Oldese2", "--add-fact", "Oldland9|speaks|Latin"}).out,
               Catch::StartsWith("Latin\n"));
    check_fails(f.ask({question, "--add-fact", "Oldland9|eats|Latin"}), 1, "capital, speaks");
    check_fails(f.ask({question, "--remove-fact", "Oldland9|speaks|Latin"}), 1, "no such fact");
    check_fails(f.ask({question, "--add-fact", "Oldland9"}), 2, "subject|relation|object");

    CHECK_THAT(f.ask({"what is the capital of Oldlnd9"}).out, Catch::StartsWith("taken for: Oldland9"));
    CHECK_THAT(f.ask({"what is the capital of [Oldlnd9]"}).out, Catch::Contains("taken for: Oldland9"));
    CHECK_THAT(f.ask({"hello"}).out, Catch::StartsWith("unknown words: hello\nno name"));
    CHECK_THAT(f.ask({"Oldland9"}).out, !Catch::Contains("holds nothing"));
}

TEST_CASE("a set is shown as one, a refusal as one, and what was wrong is listed", "[program]") {
    NEED_PROGRAM();
    const PathFixture f;
    const std::string speakers = f.write("t.tsv", std::string(path_templates) +
                                                      "~speaks\twho speaks {}\ttrain\n"
                                                      "~speaks\tspeakers of {}\ttest\n");
    const std::string data = f.path("d.h5"), run = f.path("r");
    REQUIRE(kvmem_program({"import", "kb", "--facts", f.facts, "--templates", speakers, "-o", data}).code == 0);
    REQUIRE(kvmem_program({"train", data, "--run", run, "--hops", "2", "--width", "32", "--batch", "16", "--rate",
                           "0.01", "--epochs", "30"})
                .code == 0);  // a path reader, because the memory holds facts
    CHECK_THAT(kvmem_program({"inspect", run}).out, Catch::StartsWith("model: path reader"));
    const std::string question = "who speaks Oldese3";
    CHECK_THAT(kvmem_program({"ask", run, question}).out,
               Catch::StartsWith("6 answers: Oldland") && Catch::Contains(", ...") && Catch::Contains("hop 1"));
    const json::value answer = json::parse(kvmem_program({"ask", run, question, "--json", "--all"}).out);
    CHECK(answer.at("answers").as_array().size() == 6);
    CHECK(answer.at("paths").at(0).at("steps").at(0).at("hop") == 1);
    CHECK(answer.at("refused") == false);
    CHECK_THAT(kvmem_program({"ask", run, "what is the capital of Oldland3 and Oldland5"}).out,
               Catch::StartsWith("Oldville3\nOldville5\n") || Catch::StartsWith("Oldville5\nOldville3\n"));
    const Output refused = kvmem_program({"ask", run, question, "--min-certainty", "1"});
    CHECK(refused.code == 0);
    CHECK_THAT(refused.out, Catch::StartsWith("nothing here answers that"));
    CHECK(json::parse(kvmem_program({"ask", run, question, "--min-certainty", "1", "--json"}).out)
              .at("answer")
              .is_null());
    check_fails(kvmem_program({"ask", run, question, "--min-certainty", "2"}), 2, "from 0 to 1");

    const std::string asked = f.write("q.tsv", "who speaks Oldese3\tOldland1\nwhat is the weather in Oldland3\t\n");
    REQUIRE(kvmem_program({"import", "kb", "--facts", f.facts, "--test", asked, "-o", f.path("q.h5")}).code == 0);
    const Output measured = kvmem_program({"evaluate", run, "--data", f.path("q.h5"), "--errors"});
    CHECK_THAT(measured.out, Catch::Contains("where no answer is right: ") &&
                                 Catch::Contains("who speaks [Oldese3]\n  expected Oldland1\n  given    Oldland") &&
                                 Catch::Contains("by ~speaks"));
    check_fails(kvmem_program({"evaluate", run, "--data", f.path("q.h5"), "--split", "train"}), 1, "--split test");
    check_fails(kvmem_program({"evaluate", run, "--errors", "--json"}), 2, "--json");
    CHECK(kvmem_program({"inspect", f.path("q.h5"), "--questions", "test", "--limit", "1"}).out ==
          "who speaks [Oldese3] -> Oldland1\n");
    CHECK(kvmem_program({"plot", run, "--data", f.path("q.h5")}).code == 0);  // it takes the split that is there
}

TEST_CASE("data that a model cannot read are refused, and what a question brings is not ignored", "[program]") {
    NEED_PROGRAM();
    const PathFixture f;
    const std::string stories = f.write(
        "s.jsonl", R"({"question": "how is it", "memory": [{"key": "it", "value": "hot"}], "answers": ["hot"]})");
    REQUIRE(kvmem_program({"import", "jsonl", "--train", stories, "-o", f.path("s.h5")}).code == 0);
    check_fails(kvmem_program({"train", f.path("s.h5"), "--run", f.path("r"), "--model", "path-reader"}), 1,
                "memories of their own");
    CHECK(!f.exists("r"));
    const Output asked =
        kvmem_program({"predict", f.run},
                      R"({"question": "what is the capital of Oldland3", "memory": [{"key": "x", "value": "y"}]})");
    check_fails(asked, 1, "reads no slots that come with a question");
    CHECK_THAT(asked.out, Catch::StartsWith("{\"error\":"));
}

TEST_CASE("small data are passed over as often as a minimum of steps needs", "[program]") {
    NEED_PROGRAM();
    const PathFixture f;
    const auto train = [&](const std::string& run, std::vector<std::string> more) {
        more.insert(more.begin(), {"train", f.data, "--run", f.path(run), "--width", "8", "--spellings", "64"});
        return kvmem_program(more).err;
    };
    CHECK_THAT(train("a", {"--min-steps", "20", "--batch", "16"}),
               Catch::Contains("epoch 4 ") && !Catch::Contains("epoch 5 "));
    CHECK_THAT(train("b", {"--epochs", "1"}), Catch::Contains("epoch 1 ") && !Catch::Contains("epoch 2 "));
    CHECK_THAT(train("b", {}), Catch::Contains("a run is here already"));
}

TEST_CASE("a training tells the hops that its questions need, unless an option says them", "[program]") {
    NEED_PROGRAM();
    const PathFixture f;
    const auto train = [&](const std::string& run, std::vector<std::string> more) {
        more.insert(more.begin(), {"train", f.data, "--run", f.path(run), "--epochs", "1", "--width", "8"});
        return kvmem_program(more).err;
    };
    CHECK_THAT(train("a", {}), Catch::StartsWith("--hops 2, as the training questions need [3]\n"));
    CHECK_THAT(read_file(f.path("a/config.json")), Catch::Contains("\"hops\":2"));
    CHECK_THAT(train("b", {"--hops", "1"}), !Catch::Contains("--hops"));
    CHECK_THAT(read_file(f.path("b/config.json")), Catch::Contains("\"hops\":1"));
}

TEST_CASE("a training of many epochs has a line for some of them", "[program]") {
    NEED_PROGRAM();
    const PathFixture f;
    const Output done = kvmem_program(
        {"train", f.data, "--run", f.path("a"), "--epochs", "80", "--patience", "0", "--width", "4", "--batch", "64"});
    REQUIRE(done.code == 0);
    CHECK_THAT(done.err, Catch::Contains("\nepoch 1 ") && Catch::Contains("\nepoch 4 ") &&
                             !Catch::Contains("\nepoch 5 ") && Catch::Contains("\nepoch 80 "));
}

TEST_CASE("what each way to find slots can reach is shown by hop", "[program]") {
    NEED_PROGRAM();
    ProgramFixture f;
    f.templates = f.write("paths.tsv", path_templates);
    f.import();
    const Output reach = kvmem_program({"inspect", f.data, "--recall"});
    CHECK(reach.code == 0);
    CHECK_THAT(reach.out, Catch::Contains("test, slots found by hashing the question") &&
                              Catch::Contains("test, all facts, followed exactly") && Catch::Contains("2 hops"));
    check_fails(kvmem_program({"inspect", f.data, "--max-slots", "0"}), 2, "max-slots");
    check_fails(kvmem_program({"inspect", f.data, "--recall", "--json"}), 2, "--json");
    check_fails(f.train({"--model", "kv-mem-nn", "--retrieval", "whole"}), 2, "question or hops");
    check_fails(f.train({"--model", "path-reader", "--dropout", "1"}), 2, "dropout");
    check_fails(f.train({"--model", "path-reader", "--members", "0"}), 2, "members");
    CHECK(f.train({"--model", "kv-mem-nn", "--retrieval", "hops"}).code == 0);
}
