#include "support/program_fixture.hpp"

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

static std::ptrdiff_t questions_in(const fs::path& file) {
    const std::string text = read_file(file);
    return std::count(text.begin(), text.end(), '?');
}

TEST_CASE("the program makes up stories, the same ones for the same seed", "[program]") {
    NEED_PROGRAM();
    const TemporaryDirectory directory;
    const std::string first = (directory.path() / "first").string(), second = (directory.path() / "second").string();
    const Output made = kvmem_program({"synth", "stories", "--output", first, "--questions", "50", "--test", "7"});
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.empty());
    CHECK_THAT(made.err, Catch::Contains("60 files") && Catch::Contains("45 train questions"));
    CHECK(questions_in(first + "/qa4_two-argument-relations_train.txt") == 45);
    CHECK(questions_in(first + "/qa4_two-argument-relations_valid.txt") == 5);
    CHECK(questions_in(first + "/qa20_motivations_test.txt") == 7);

    REQUIRE(kvmem_program({"synth", "stories", "-o", second, "--tasks", "3,18-20", "--valid", "5", "--questions", "50",
                           "--test", "7"})
                .code == 0);
    CHECK(std::distance(fs::directory_iterator(second), fs::directory_iterator()) == 12);
    for (const auto& file : fs::directory_iterator(second))
        CHECK(read_file(file) == read_file(first / file.path().filename()));
}

TEST_CASE("the program refuses to make stories that make no sense", "[program]") {
    NEED_PROGRAM();
    const TemporaryDirectory directory;
    const std::string folder = (directory.path() / "stories").string();
    const auto synth = [&](std::vector<std::string> more) {
        std::vector<std::string> arguments{"synth", "stories", "--output", folder};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    };
    check_fails(kvmem_program({"synth", "poems", "--output", folder}), 2, "stories");
    check_fails(kvmem_program({"synth", "stories"}), 2, "output");
    for (const std::string tasks : {"0", "21", "", "1,", ",1", "5-2", "1-", "1;2", "-3", "two", "1 2", "99999999999"})
        check_fails(synth({"--tasks=" + tasks}), 2, "tasks");
    check_fails(synth({"--questions", "0"}), 2, "questions");
    check_fails(synth({"--questions", "1000001"}), 2, "questions");
    check_fails(synth({"--test=-1"}), 2, "test");
    check_fails(synth({"--valid", "1000"}), 2, "valid");
    check_fails(synth({"--valid-fraction", "1"}), 2, "valid-fraction");
    check_fails(synth({"--valid-fraction", "nan"}), 2, "valid-fraction");
    check_fails(synth({"--valid-fraction", "0.1", "--valid", "5"}), 2, "both");
    CHECK_FALSE(fs::exists(folder));

    REQUIRE(synth({"--tasks", "1", "--questions", "5"}).code == 0);
    check_fails(synth({"--tasks", "2", "--questions", "5"}), 1, "other stories");
}
