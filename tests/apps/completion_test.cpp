// What shells complete, and the manual pages.
#include "support/program_fixture.hpp"

using namespace kvmem::test;

TEST_CASE("an unfinished command line says what may follow", "[apps]") {
    NEED_PROGRAM();
    const Output verbs = kvmem_program({"--list-options"});
    CHECK(verbs.code == 0);
    CHECK_THAT(verbs.out, Catch::Contains("translate\t"));
    const Output options = kvmem_program({"train", "none.h5", "--model", "atrank", "--list-options"});
    CHECK(options.code == 0);
    CHECK_THAT(options.out, Catch::Contains("--redraw\t"));
    CHECK_THAT(options.out, Catch::Contains("--epochs\t"));
    CHECK_THAT(kvmem_program({"train", "--model", "bpr", "--list-options"}).out, !Catch::Contains("--heads\t"));
    CHECK_THAT(kvmem_program({"import", "pairs", "--source", "--list-options"}).out, Catch::Contains("--target\t"));
}

TEST_CASE("an unfinished command line says which values may follow", "[apps]") {
    NEED_PROGRAM();
    const auto values = [](std::vector<std::string> words) {
        words.push_back("--list-values");
        return kvmem_program(words).out;
    };
    CHECK_THAT(values({"import"}), Catch::StartsWith("metaqa\nwikimovies\nkb\n"));
    CHECK(values({"store"}) == "add\nupsert\nremove\ncompact\nexport\n");
    CHECK_THAT(values({"train", "none.h5", "--model"}), Catch::Contains("\npath-reader\n"));
    CHECK_THAT(values({"train", "none.h5", "--preset"}), Catch::Contains("memn2n-babi-1k\n"));
    CHECK_THAT(values({"help"}), Catch::Contains("\ntrain\n"));
    CHECK(values({"ask"}).empty());
    CHECK(values({"train", "--run"}).empty());
}

TEST_CASE("a shell completes verbs, options and values", "[apps]") {
    NEED_PROGRAM();
    const Output bash = shell(
        "export KVMEM; bash -c 'source <(\"$KVMEM\" completion bash); complete_words() { COMP_WORDS=(\"$KVMEM\" "
        "\"$@\"); "
        "COMP_CWORD=$#; _kvmem; echo \"${COMPREPLY[*]}\"; }; complete_words tr; "
        "complete_words train data.h5 --model atrank --redr; complete_words ask da; "
        "complete_words train data.h5 --model pa; complete_words import mo'");
    INFO(bash.err);
    CHECK(bash.out == "train translate\n--redraw\n\npath-reader\nmovielens\n");
    for (const char* const name : {"zsh", "fish"}) {
        const Output script = kvmem_program({"completion", name});
        CHECK(script.code == 0);
        CHECK_THAT(script.out, Catch::Contains("--list-options"));
        if (shell("command -v " + std::string(name)).code != 0) continue;
        CHECK(shell("\"$KVMEM\" completion " + std::string(name) + " | " + name + " -n").code == 0);
    }
    CHECK(kvmem_program({"completion", "tcsh"}).code == 2);
}

TEST_CASE("every verb has a manual page without errors", "[apps]") {
    NEED_PROGRAM();
    const TemporaryDirectory directory;
    const std::string pages = (directory.path() / "man").string();
    const Output made = shell("'" KVMEM_SOURCE_DIR "/scripts/man.sh' \"$KVMEM\" '" + pages + "'");
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK_THAT(shell("cat '" + pages + "/kvmem-query.1'").out, Catch::Contains(".B \\-\\-filter IDS\nthese ids alone"));
    CHECK_THAT(shell("cat '" + pages + "/kvmem.1'").out, Catch::Contains("kvmem\\-predict"));
    if (shell("command -v groff").code == 0) CHECK(shell("groff -man -ww -z '" + pages + "'/*.1 2>&1").out.empty());
}
