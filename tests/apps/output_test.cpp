#include "support/program_fixture.hpp"

#include <sys/stat.h>

#include <algorithm>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

namespace {

// A model, a store and the vectors that it was made of.
struct Made : ProgramFixture {
    std::string vectors = write("v.txt", "1 2\n3 4\n"), store = path("s.h5"), model = run + "/model-best.h5";

    Made() {
        import_and_train();
        REQUIRE(kvmem_program({"index", vectors, "-o", store}).code == 0);
    }
    Output import_to(const std::string& output) const {
        return kvmem_program({"import", "kb", "--facts", facts, "--templates", templates, "-o", output});
    }
    Output query_to(const std::string& output) const {
        return kvmem_program({"query", store, vectors, "--results", output});
    }
    Output plot_to(const std::string& output) const { return kvmem_program({"plot", run, "-o", output}); }
};

// Refuses, and what `file` holds is as it was.
template <class Verb>
void check_refused(Verb verb, const std::string& file, int code, const std::string& part) {
    const std::string before = read_file(file);
    CAPTURE(file);
    check_fails(verb(), code, part);
    CHECK(read_file(file) == before);
}

}  // namespace

TEST_CASE("an output that is an input by any name is refused", "[program][output]") {
    NEED_PROGRAM();
    const Made f;
    const std::string same = "the output is one of the inputs";
    fs::create_hard_link(f.facts, f.path("hard"));
    fs::create_symlink(f.facts, f.path("soft"));
    for (const std::string& output : {f.facts, f.path("hard"), f.path("soft"), f.path("run/../facts.tsv"), f.templates})
        check_refused([&] { return f.import_to(output); }, output, 2, same);
    check_refused([&] { return f.query_to(f.vectors); }, f.vectors, 2, same);
    check_refused([&] { return kvmem_program({"index", f.vectors, "-o", f.vectors, "--resume"}); }, f.vectors, 2, same);
    check_refused([&] { return shell("\"$KVMEM\" index - --resume -o '" + f.vectors + "' < '" + f.vectors + "'"); },
                  f.vectors, 2, same);
    for (const char* name : {"/config.json", "/metrics.jsonl", "/results.json", "/README.md"})
        check_refused([&] { return f.plot_to(f.run + name); }, f.run + name, 2, same);
    fs::create_directory(f.path("stories"));
    REQUIRE(kvmem_program({"synth", "stories", "--tasks", "1", "--questions", "10", "-o", f.path("stories")}).code ==
            0);
    const std::string story = f.path("stories/qa1_one-supporting-fact_train.txt");
    check_refused([&] { return kvmem_program({"import", "babi", f.path("stories"), "-o", story}); }, story, 2, same);
}

TEST_CASE("an output that is a file of another kind is refused, and one of its own is replaced", "[program][output]") {
    NEED_PROGRAM();
    const Made f;
    const std::string kind = "a file of another kind";
    for (const std::string& file : {f.model, f.store, f.store + ".log"}) {
        check_refused([&] { return f.import_to(file); }, file, 1, kind);
        check_refused([&] { return f.plot_to(file); }, file, 1, kind);
        if (file != f.store) check_refused([&] { return f.query_to(file); }, file, 1, kind);
    }
    check_refused([&] { return f.query_to(f.store); }, f.store, 2, "one of the inputs");
    check_refused([&] { return f.plot_to(f.data); }, f.data, 1, kind);
    check_refused([&] { return f.query_to(f.data); }, f.data, 1, kind);
    for (const std::string& file : {f.data, f.model})
        for (const char* resume : {"--resume", "--lists=1"})
            check_refused([&] { return kvmem_program({"index", f.vectors, "-o", file, resume}); }, file, 1, kind);
    const std::string cut = f.write("cut.h5", read_file(f.model).substr(0, 999));
    check_refused([&] { return f.import_to(cut); }, cut, 1, "HDF5 that cannot be read");

    for (int time = 0; time < 2; ++time) {
        CHECK(f.query_to(f.path("results.hdf5")).code == 0);
        CHECK(f.plot_to(f.path("page.html")).code == 0);
    }
    CHECK(kvmem_program({"index", f.vectors, "-o", f.store, "--resume"}).code == 0);
    CHECK(f.import_to(f.data).code == 0);
    CHECK(f.import_to(f.write("empty", "")).code == 0);
}

TEST_CASE("a store that another process writes to is named", "[program][output]") {
    NEED_PROGRAM();
    const Made f;
    const FileLock lock(f.store + ".lock", f.store, "this test");
    check_refused(
        [&] {
            return kvmem_program({"index", f.vectors, "-o", f.store, "--resume"});
        },
        f.store, 1, "s.h5: in use by");
}

TEST_CASE("nothing is left beside what was made", "[program][output]") {
    NEED_PROGRAM();
    const Made f;
    for (const auto& entry : fs::recursive_directory_iterator(f.directory.path()))
        CHECK_THAT(entry.path().filename().string(), !Catch::Contains("lock") && !Catch::Contains("kvmem-tmp"));
}

TEST_CASE("a run goes on without what a killed training left", "[program][output]") {
    NEED_PROGRAM();
    const Made f;
    for (const char* name :
         {"lock", "model-best.h5.kvmem-tmp17", "model-last.h5.kvmem-tmp17-2", "README.md.kvmem-tmp3"})
        f.write(std::string("run/") + name, "left");
    REQUIRE(kvmem_program({"train", "--resume", "--run", f.run}).code == 0);
    for (const auto& entry : fs::directory_iterator(f.run))
        CHECK_THAT(entry.path().filename().string(), !Catch::Contains("lock") && !Catch::Contains("kvmem-tmp"));
}

TEST_CASE("a store keeps its permissions, and its log has them", "[program][output]") {
    NEED_PROGRAM();
    const Made f;
    const auto mode_of = [](const std::string& path) {
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        return status.st_mode & 0777;
    };
    REQUIRE(::chmod(f.store.c_str(), 0600) == 0);
    fs::remove(f.store + ".log");
    REQUIRE(kvmem_program({"index", f.write("more.txt", "1 2\n3 4\n5 6\n"), "-o", f.store, "--resume"}).code == 0);
    CHECK(mode_of(f.store) == 0600);
    CHECK(mode_of(f.store + ".log") == 0600);
}

TEST_CASE("what cannot be written to stdout is an error of every verb, and a reader that goes is none",
          "[program][output]") {
    NEED_PROGRAM();
    const Made f;
    const std::string question = "what is the capital of Oldland3";
    const auto quoted = [](const std::string& text) { return " '" + text + "' "; };
    const std::vector<std::string> verbs{
        "version",
        "--help",
        "inspect" + quoted(f.data),
        "inspect --json" + quoted(f.run),
        "inspect" + quoted(f.store),
        "evaluate" + quoted(f.run),
        "ask" + quoted(f.run) + quoted(question),
        "ask --json" + quoted(f.run) + quoted(question),
        "ask" + quoted(f.run) + "< '" + f.write("asked", question + "\n") + "'",
        "predict" + quoted(f.run) + "< '" + f.write("lines", "{\"question\": \"" + question + "\"}\n") + "'",
        "plot -o -" + quoted(f.run),
        "query" + quoted(f.store) + quoted(f.vectors),
        "query --json" + quoted(f.store) + quoted(f.vectors)};
    for (const std::string& verb : verbs) {
        CAPTURE(verb);
        check_fails(shell("\"$KVMEM\" " + verb + " > /dev/full"), 1, "cannot write to the output");
        check_fails(shell("\"$KVMEM\" " + verb + " >&-"), 1, "cannot write to the output");
        const Output gone = shell("{ sleep 0.05; \"$KVMEM\" " + verb + "; echo $? >&2; } | true");
        CHECK_THAT(gone.err, Catch::EndsWith("141\n") && !Catch::Contains("error"));
    }
    // Without an end of its input, too.
    CHECK(
        shell("yes '" + question + "' | { timeout 60 \"$KVMEM\" ask '" + f.run + "'; echo $? >&2; } | head -n 1").err ==
        "141\n");
}
