#include "support/program_fixture.hpp"

#include <signal.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <thread>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;
namespace json = boost::json;

TEST_CASE("an id goes back as it came", "[program][input]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    std::string lines;
    const std::vector<std::string> ids{
        "7",   "1e999", "9223372036854775808", "-18446744073709551617", "1.0",
        "1E2", "null",  R"("a\u00e9\"}")",     R"([1.50, {"x": [2]}])", "0.10000000000000000000001"};
    for (const std::string& id : ids)
        lines += R"({"id": )" + id +
                 R"( , "question": "the language of Oldland1"})"
                 "\n";
    const Output done = kvmem_program({"predict", f.run}, lines);
    INFO(done.err);
    REQUIRE(done.code == 0);
    std::size_t at = 0;
    for (const std::string& id : ids) {
        const std::size_t end = done.out.find('\n', at);
        const std::string line = done.out.substr(at, end - at);
        CHECK_THAT(line, Catch::EndsWith(",\"id\":" + id + "}"));
        CHECK(json::parse(line).at("answer") == "Oldese1");
        at = end + 1;
    }
}

TEST_CASE("a name that a line has twice is refused with its place", "[program][input]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    for (const char* bad : {R"({"question": "x", "question": "y"})", R"({"question": "x", "id": 1, "i\u0064": 2})",
                            R"({"question": "x", "memory": [{"key": "a", "value": "b", "key": "c"}]})"})
        check_fails(kvmem_program({"predict", f.run}, "\n" + std::string(bad) + "\n"), 1,
                    "stdin:2: a name is there twice");
    const std::string twice =
        f.write("twice.jsonl", R"({"question": "x", "memory": [], "answers": ["a"], "answers": ["b"]})");
    check_fails(kvmem_program({"import", "jsonl", "--train", twice, "-o", f.data}), 1,
                "twice.jsonl:1: a name is there twice");
}

TEST_CASE("a line has an end within 16 MiB, or is an error while it is read", "[program][input]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string good = R"({"question": "the language of Oldland1"})";
    // No end ever comes, and no memory would hold it.
    for (const std::string verb : {"predict", "ask"}) {
        const std::string first = verb == "predict" ? good : "the language of Oldland1";
        const Output done = shell("{ echo '" + first + "'; cat /dev/zero; } | \"$KVMEM\" " + verb + " '" + f.run + "'");
        check_fails(done, 1, "stdin:2: the line is too long: expected at most 16 MiB");
        CHECK_THAT(done.out, Catch::Contains("Oldese1"));
        check_fails(shell("\"$KVMEM\" " + verb + " '" + f.run + "' < /"), 1, "cannot read standard input");
        check_fails(shell("\"$KVMEM\" " + verb + " '" + f.run + "' <&-"), 1, "cannot read standard input");
    }
    // As long as it may be, and without an end of the line.
    const std::string blanks(std::size_t{16} << 20, ' ');
    const Output long_line = kvmem_program({"predict", f.run}, good + "\n" + blanks.substr(good.size()) + good);
    CHECK(long_line.code == 0);
    CHECK(std::count(long_line.out.begin(), long_line.out.end(), '\n') == 2);
    check_fails(kvmem_program({"predict", f.run}, blanks + good), 1, "stdin:1");
}

TEST_CASE("a line and its end may come in two reads", "[program][input]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::size_t read = std::size_t{1} << 16;
    std::string first = R"({"question": "the language of Oldland1"})";
    first.resize(read - 1, ' ');
    for (const std::string end : {"\r\n", "\n", "\r"}) {
        const Output done = kvmem_program({"predict", f.run}, first + end + first + end + "{no JSON");
        check_fails(done, 1, "stdin:3: bad JSON");
        CHECK(std::ranges::count(done.out, '\n') == 3);
    }
}

TEST_CASE("files that are none are an error of one line", "[program][input]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const std::string lengthy = f.path(std::string(300, 'x')), circle = f.path("circle");
    fs::create_symlink("circle", circle);
    for (const std::string& bad :
         {lengthy, circle, std::string("/dev/zero"), std::string("/dev/full"), f.facts + "/x"}) {
        CAPTURE(bad);
        const std::vector<std::vector<std::string>> all{{"inspect", bad},
                                                        {"evaluate", f.run, "--data", bad},
                                                        {"ask", f.run, "x", "-m", bad},
                                                        {"ask", f.run, "--story", bad},
                                                        {"plot", f.run, "-o", bad},
                                                        {"index", bad, "-o", f.path("s.h5")},
                                                        {"index", f.facts, "-o", bad},
                                                        {"query", bad, f.facts},
                                                        {"train", f.data, "--run", bad},
                                                        {"train", "--resume", "--run", bad},
                                                        {"import", "kb", "--facts", bad, "-o", f.path("new.h5")},
                                                        {"import", "kb", "--facts", f.facts, "-o", bad},
                                                        {"synth", "stories", "-o", bad}};
        for (const auto& arguments : all) {
            CAPTURE(arguments);
            const Output output = kvmem_program(arguments);
            check_fails(output, 1);
            CHECK_THAT(output.err, !Catch::Contains("filesystem error"));
        }
    }
}

TEST_CASE("a signal ends training at once where there is nothing to save", "[program][input]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    // A training that waits for another one has not begun.
    const FileLock lock(f.run + "/lock", f.run, "this test");
    int code = 0;
    for (int tries = 0; tries < 10 && code != 128 + SIGTERM; ++tries) {
        Running training(command({"train", "--resume", "--run", f.run}), {});
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        ::kill(training.process(), SIGTERM);
        code = training.wait().code;
    }
    CHECK(code == 128 + SIGTERM);
}
