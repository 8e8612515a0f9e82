// Stores of a trained model's memory, and of text through its encoder.
#include "support/program_fixture.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

TEST_CASE("a trained memory becomes a store that gives the same answers", "[program][compiled]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string store = f.path("memory.h5");
    const Output made = kvmem_program({"index", "--run", f.run, "-o", store});
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK_THAT(made.out, Catch::Contains("160 slots"));
    std::string questions;
    for (int i = 0; i < 40; ++i)
        for (const char* question : {"the capital of Oldland", "people speak what in Oldland", "who governs Oldville"})
            questions += "{\"question\": \"" + std::string(question) + std::to_string(i) + "\"}\n";
    const Output plain = kvmem_program({"predict", f.run}, questions);
    const Output stored = kvmem_program({"predict", f.run, "--store", store}, questions);
    INFO(stored.err);
    REQUIRE(stored.code == 0);
    CHECK(stored.out.size() > 120 * 100);
    CHECK(stored.out == plain.out);
    const std::vector<std::string> ask{"ask", f.run, "the capital of Oldland7", "--json"};
    const Output answer = kvmem_program({"ask", f.run, "the capital of Oldland7", "--json", "--store", store});
    CHECK(answer.code == 0);
    CHECK(answer.out == kvmem_program(ask).out);
    CHECK_THAT(kvmem_program({"query", store, "--run", f.run, "--text", "what is the capital of Oldland7"}).out,
               Catch::StartsWith("query 0 (what is the capital of Oldland7): 10 slots") &&
                   Catch::Contains(" capital -> Oldville"));
}

TEST_CASE("a memory of another data set becomes a store, too", "[program][compiled]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string facts = f.write("new.tsv", facts_text("New", 9)), data = f.path("new.h5"),
                      store = f.path("new-memory.h5");
    REQUIRE(kvmem_program({"import", "kb", "--facts", facts, "--templates", f.templates, "--output", data}).code == 0);
    REQUIRE(kvmem_program({"index", "--run", f.run, "--memory", data, "-o", store}).code == 0);
    const std::vector<std::string> ask{"ask", f.run, "the capital of Newland3", "--memory", data, "--json"};
    std::vector<std::string> from_store = ask;
    from_store.insert(from_store.end(), {"--store", store});
    const Output answer = kvmem_program(from_store);
    INFO(answer.err);
    CHECK(answer.code == 0);
    CHECK(answer.out == kvmem_program(ask).out);
    check_fails(kvmem_program({"ask", f.run, "the capital of Oldland3", "--store", store}), 1, "not made from");
}

TEST_CASE("lines of text are found by what a trained model reads in them", "[program][compiled]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string lines = f.write("lines.txt",
                                      "what is the capital of Oldland3\r\nthe language of Oldland5\n"
                                      "of which country is Oldville8 the capital\n\nwhich city governs Oldland1"),
                      store = f.path("text.h5");
    std::filesystem::remove(f.data);  // the model alone is read
    const Output made =
        kvmem_program({"index", "--run", f.run, "--text", lines, "-o", store, "--metric", "cosine", "--lists", "-1"});
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK_THAT(made.out, Catch::Contains("5 slots"));
    const std::string others = f.write("others.txt", "the language of Oldland5\nwho\nspeaks\nwhat\nwhere\n");
    check_fails(
        kvmem_program({"index", "--run", f.run, "--text", others, "-o", store, "--metric", "cosine", "--resume"}), 2,
        "begun otherwise");
    const Output found =
        kvmem_program({"query", store, "--run", f.run, "--text", "The language of Oldland5", "--json"});
    INFO(found.err);
    const json::value line = json::parse(found.out);
    REQUIRE(line.at("slots").as_array().size() == 5);
    CHECK(line.at("slots").at(0).at("text").as_string() == "the language of Oldland5");
    CHECK(line.at("slots").at(0).at("score").to_number<double>() == Approx(1));
    const Output both = kvmem_program({"query", store, "--run", f.run, "--text", "-", "--k", "1"},
                                      "what is the capital of Oldland3\nwhich city governs Oldland1\n");
    CHECK_THAT(both.out,
               Catch::Contains("0  what is the capital of Oldland3\nquery 1 (which city governs Oldland1): 1 slot") &&
                   Catch::Contains("4  which city governs Oldland1\n"));
    const Output piped = shell("printf 'Oldland1\\nOldland2\\n' | \"$KVMEM\" index --run '" + f.run +
                               "' --text - -o '" + f.path("piped.h5") + "'");
    CHECK_THAT(piped.out, Catch::Contains("2 slots"));
}

TEST_CASE("wrong words about models and text are one line", "[program][compiled]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string store = f.path("s.h5"), text = f.write("t.txt", "one line\nanother [line\n"),
                      vectors = f.write("v.txt", "1 0\n");
    const auto index = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"index", "-o", store});
        return kvmem_program(more);
    };
    check_fails(index({}), 2, "vectors");
    check_fails(index({"--text", text}), 2, "--run");
    check_fails(index({vectors, "--memory", f.data}), 2, "--run");
    check_fails(index({vectors, "--text", text}), 2, "--run");
    check_fails(index({vectors, "--run", f.run}), 2, "run");
    check_fails(index({"--run", f.run, "--values", vectors}), 2, "run");
    check_fails(index({"--run", f.run, "--text", text, "--memory", f.data}), 2, "memory");
    check_fails(index({"--run", f.path("none")}), 1, "none");
    check_fails(index({"--run", f.run, "--text", text}), 1, "t.txt:2");
    check_fails(index({"--run", f.run, "--text", f.write("bytes.txt", "\xff\n")}), 1, "bytes.txt:1");
    check_fails(index({"--run", f.run, "--text", f.write("empty.txt", "")}), 1, "no text");
    CHECK(!f.exists("s.h5"));
    REQUIRE(index({vectors}).code == 0);
    check_fails(kvmem_program({"query", store, "--text", "a text"}), 2, "--run");
    check_fails(kvmem_program({"query", store, "--run", f.run}), 2, "text");
    check_fails(kvmem_program({"query", store, vectors, "--run", f.run, "--text", "a"}), 2, "--text");
    check_fails(kvmem_program({"query", store, "--run", f.run, "--text", "a"}), 1, "as wide");
    check_fails(kvmem_program({"ask", f.run, "who", "--store", store}), 1, "s.h5");
    check_fails(kvmem_program({"ask", f.run, "who", "--store", f.data}), 1, "kvmem-store");
    check_fails(kvmem_program({"ask", f.run, "who", "--store", store, "--add-fact", "a|capital|b"}), 2, "store");
}

TEST_CASE("a model without vectors for slots makes no store", "[program][compiled]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import();
    REQUIRE(f.train({"--model", "path-reader"}).code == 0);
    check_fails(kvmem_program({"index", "--run", f.run, "-o", f.path("s.h5")}), 1, "kv-mem-nn");
    CHECK(!f.exists("s.h5"));
}
