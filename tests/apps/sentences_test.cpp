// kvmem import sentences, and the verbs on what is trained with it.
#include "kvmem/tasks/selection/dataset.hpp"
#include "support/program_fixture.hpp"

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
