// kvmem import sentences, and the verbs on what is trained with it.
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/selection/dataset.hpp"
#include "support/program_fixture.hpp"
#include "support/selector_run.hpp"

using namespace kvmem;
using namespace kvmem::test;
using Catch::Contains;

TEST_CASE("sentences are imported, trained on, measured and ranked", "[program]") {
    NEED_PROGRAM();
    const TemporaryDirectory directory;
    const auto path = [&](const std::string& name) { return (directory.path() / name).string(); };
    std::string lines;
    for (int i = 0; i < 40; ++i) {
        const std::string thing = "thing" + std::to_string(i);
        lines += "What is " + thing + "?\tThe other is old.\t0\nWhat is " + thing + "?\tIt is " + thing + ".\t1\n";
    }
    const std::string file = directory.write("x.tsv", lines).string();
    const Output import = kvmem_program({"import", "sentences", file, "--test", file, "-o", path("x.h5")});
    INFO(import.err);
    REQUIRE(import.code == 0);
    CHECK_THAT(import.err, Contains("36 train questions, 36 with an answer, 72 sentences; 4 valid"));
    CHECK_THAT(kvmem_program({"inspect", path("x.h5")}).out, Contains("test: 40 questions, 80 sentences, 40 of them"));
    const std::string vectors = directory.write("v.txt", "it 1 0\nis 0 1\nother 1 1\n").string();
    const Output train = kvmem_program(
        {"train", path("x.h5"), "--run", path("run"), "--epochs", "2", "--vectors", vectors, "--width", "4"});
    INFO(train.err);
    REQUIRE(train.code == 0);
    const Output table = kvmem_program({"evaluate", path("run"), "--trec", path("trec")});
    CHECK_THAT(table.out, Contains("test: 40 questions of 40") && Contains("BM25") && Contains("F1"));
    CHECK(std::filesystem::exists(path("trec/test.qrels")));
    CHECK_THAT(kvmem_program({"evaluate", path("run"), "--json"}).out, Contains("\"precision_at_1\":"));
    CHECK_THAT(kvmem_program({"inspect", path("run/model-best.h5")}).out, Contains("words with vectors"));
    CHECK(kvmem_program({"plot", path("run")}).code == 0);
    const Output ranked = kvmem_program(
        {"predict", path("run")}, "{\"question\": \"What is x?\", \"candidates\": [\"Old.\", \"It is x.\"]}\n[]\n");
    CHECK(ranked.code == 1);
    CHECK_THAT(ranked.out, Contains("\"sentences\":[{\"number\":1") && Contains("\"error\"") && Contains("got array"));
    CHECK_THAT(kvmem_program({"predict", path("run")}, "{\"question\": \"x\", \"candidates\": [1]}\n").out,
               Contains("got int64"));
    for (const std::string name : {"title", "article", "heading", "section"}) {
        const std::string line = "{\"question\": \"x\", \"candidates\": [\"It.\"], \"" + name + "\": ";
        CHECK(kvmem_program({"predict", path("run")}, line + "\"It is\"}\n").code == 0);
        CHECK_THAT(kvmem_program({"predict", path("run")}, line + "[]}\n").out, Contains(name) && Contains("a text"));
    }
}

TEST_CASE("options of other tasks are refused for runs on sentences", "[program]") {
    NEED_PROGRAM();
    CHECK_THAT(kvmem_program({"import", "sentences", "-o", "x.h5"}).err, Contains("nothing to import"));
    CHECK_THAT(kvmem_program({"import", "sentences", "x", "-o", "x.h5", "--layout", "csv"}).err, Contains("layout"));
}

TEST_CASE("models of one name are those of the data's task, in runs and in model files", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    std::string lines;
    for (int i = 0; i < 12; ++i) {
        const std::string thing = "thing" + std::to_string(i);
        lines += "What is " + thing + "?\tThe other is old.\t0\nWhat is " + thing + "?\tIt is " + thing + ".\t1\n";
    }
    const std::string file = f.write("x.tsv", lines), data = f.path("x.h5");
    REQUIRE(kvmem_program({"import", "sentences", file, "--valid", file, "-o", data}).code == 0);
    const std::string line = "{\"question\": \"What is x?\", \"candidates\": [\"Old.\", \"It is x.\"]}\n";
    for (const std::string model : {"kv-mem-nn", "lstm", "transformer"}) {
        CAPTURE(model);
        const std::string run = f.path(model);
        const Output train =
            kvmem_program({"train", data, "--model", model, "--run", run, "--width", "8", "--epochs", "1"});
        INFO(train.err);
        REQUIRE(train.code == 0);
        CHECK_THAT(train.err, Contains("warning: 12 questions of validation are too few"));
        CHECK_THAT(read_file(run + "/config.json"), Contains("\"task_type\":\"answer selection\""));
        for (const std::string& opened : {run, run + "/model-best.h5"}) {
            CHECK_THAT(kvmem_program({"predict", opened}, line).out, Contains("\"sentences\":[{\"number\""));
            CHECK_THAT(kvmem_program({"inspect", opened}).out, Contains("words with vectors"));
        }
        CHECK_THAT(kvmem_program({"evaluate", run, "--split", "valid"}).out, Contains("BM25"));
        CHECK_THAT(kvmem_program({"predict", run}, "{\"question\": \" \", \"candidates\": [\"Old.\"]}\n").out,
                   Contains("\"error\"") && Contains("empty"));
        CHECK(kvmem_program({"train", "--resume", "--run", run, "--epochs", "2"}).code == 0);
    }
    CHECK(kvmem_program({"ask", f.run, "what is the capital of Oldland1"}).code == 0);
    CHECK_THAT(kvmem_program({"train", data, "--model", "kv-mem-nn", "--help"}).out,
               Contains("for answer selection") && !Contains("for question answering"));
    CHECK_THAT(kvmem_program({"train", "--model", "kv-mem-nn", "--help"}).out,
               Contains("for answer selection") && Contains("for question answering"));
    check_fails(kvmem_program({"train", data, "--run", f.path("r"), "--model", "path-reader"}), 2, "other data");
    check_fails(kvmem_program({"train", f.data, "--run", f.path("r"), "--model", "transformer"}), 2, "other data");
    check_fails(kvmem_program({"train", data, "--run", f.path("r"), "--model", "kv-mem-nn", "--window", "4"}), 2,
                "an odd number");
    const Output shown = kvmem_program({"inspect", data, "--questions", "valid", "--limit", "1"});
    CHECK(shown.out == "What is thing0?\n  - The other is old.\n  + It is thing0.\n");
    check_fails(kvmem_program({"inspect", data, "--questions", "test"}), 1, "no such split");
    check_fails(kvmem_program({"inspect", data, "--recall"}), 2, "kvmem-qa");
}

TEST_CASE("vectors of next sentences are learned from notes, measured, searched by and begun with", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    std::string notes;
    for (int i = 0; i < 150; ++i) {
        const std::string n = std::to_string(i % 10);
        notes += "The asker" + n + " wants word" + n + ". The teller" + n + " gives thing" + n + ".\n\n";
    }
    const std::string text = f.write("notes.txt", notes), data = f.path("notes.h5"), run = f.path("next"),
                      store = f.path("store.h5");
    REQUIRE(kvmem_program({"import", "documents", text, "-o", data}).code == 0);
    const Output train = kvmem_program(
        {"train", data, "--model", "next-sentence", "--run", run, "--width", "8", "--batch", "16", "--epochs", "2"});
    INFO(train.err);
    REQUIRE(train.code == 0);
    CHECK_THAT(kvmem_program({"evaluate", run}).out, Contains("by chance") && Contains("hits@1"));
    CHECK_THAT(kvmem_program({"evaluate", run, "--data", data, "--json"}).out, Contains("\"pairs\":299"));
    check_fails(kvmem_program({"evaluate", run, "--split", "valid"}), 2, "no splits");
    CHECK_THAT(kvmem_program({"inspect", run}).out, Contains("words"));
    CHECK(kvmem_program({"plot", run}).code == 0);
    CHECK(kvmem_program({"export", run, "--to", "safetensors", "-o", f.path("v.safetensors")}).code == 0);
    check_fails(kvmem_program({"export", run, "--to", "onnx", "-o", f.path("v.onnx")}), 1, "no ONNX");
    REQUIRE(kvmem_program({"index", "--run", run, "-o", store}).code == 0);
    const Output found = kvmem_program({"query", store, "--run", run, "--text", "word3", "--k", "2"});
    CHECK_THAT(found.out, Contains("2 slots") && Contains("3"));
    const std::string selector = trained_selector(f);
    const Output ranked = kvmem_program(
        {"query", store, "--run", run, "--text", "Who gives thing3?", "--k", "20", "--selector", selector, "--json"});
    INFO(ranked.err);
    CHECK(ranked.code == 0);
    CHECK_THAT(ranked.out, Contains("\"score\""));
    check_fails(kvmem_program({"query", store, "--run", run, "--text", "x", "--selector", selector, "--read"}), 2,
                "selector");
    check_fails(kvmem_program({"query", store, "--run", run, "--text", "x", "--selector", run}), 1,
                "chooses no sentences");
    CHECK(kvmem_program({"train", f.path("sentences.h5"), "--run", f.path("begun"), "--vectors", run, "--epochs", "1"})
              .code == 0);
    check_fails(kvmem_program({"train", f.path("sentences.h5"), "--run", f.path("r"), "--model", "next-sentence"}), 2,
                "other data");
    check_fails(kvmem_program({"train", f.path("sentences.h5"), "--run", f.path("r"), "--vectors", selector}), 1,
                "next sentences");
    check_fails(kvmem_program({"evaluate", run, "--trec", f.path("t")}), 2, "sentences");
}
