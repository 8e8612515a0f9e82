// What tests of the program work on: countries with capitals and languages, and a model trained on them.
#pragma once

#include "support/program.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace kvmem::test {

// A test of the program ends at once where none was built.
#define NEED_PROGRAM()                     \
    if (!kvmem::test::have_program()) {    \
        WARN("the program was not built"); \
        return;                            \
    }

inline const std::string templates_text =
    "capital\twhat is the capital of {}\ttrain\n"
    "capital\twhich city governs {}\ttrain\n"
    "capital\tthe capital of {} is what\ttest\n"
    "speaks\twhat do people speak in {}\ttrain\n"
    "speaks\tthe language of {}\ttrain\n"
    "speaks\tpeople in {} speak what\ttest\n"
    "~capital\tof which country is {} the capital\ttrain\n"
    "~capital\tof which is {} the capital\ttest\n";

inline std::string facts_text(const std::string& prefix, int count) {
    std::string facts;
    for (int i = 0; i < count; ++i) {
        const std::string n = std::to_string(i), country = prefix + "land" + n;
        facts += country + "\tcapital\t" + prefix + "ville" + n + "\n";
        facts += country + "\tspeaks\t" + prefix + "ese" + std::to_string(i % 7) + "\n";
    }
    return facts;
}

// A directory with facts, templates and a data set, and paths in it as text.
struct ProgramFixture {
    TemporaryDirectory directory;
    std::string facts = directory.write("facts.tsv", facts_text("Old", 40)).string();
    std::string templates = directory.write("templates.tsv", templates_text).string();
    std::string data = path("data.h5"), run = path("run");

    std::string path(const std::string& name) const { return (directory.path() / name).string(); }
    std::string write(const std::string& name, std::string_view text) const {
        return directory.write(name, text).string();
    }
    bool exists(const std::string& name) const { return std::filesystem::exists(directory.path() / name); }

    void import() const {
        const Output done = kvmem_program({"import", "kb", "--facts", facts, "--templates", templates, "--output", data,
                                           "--questions-per-key", "2", "--valid-fraction", "0.2"});
        INFO(done.err);
        REQUIRE(done.code == 0);
    }
    // A key-value memory network, unless `more` names another model.
    Output train(std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments{"train",   data, "--run",  run,    "--width",  "16",
                                           "--batch", "16", "--rate", "0.01", "--epochs", "12"};
        if (std::ranges::find(more, "--model") == more.end())
            arguments.insert(arguments.end(), {"--model", "kv-mem-nn"});
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    }
    void import_and_train(const std::vector<std::string>& more = {}) const {
        import();
        const Output done = train(more);
        INFO(done.err);
        REQUIRE(done.code == 0);
    }
};

// One clear error: a line on stderr, nothing on stdout, this exit code.
inline void check_fails(const Output& output, int code, const std::string& part = {}) {
    CAPTURE(output.err, output.out);
    CHECK(output.code == code);
    const auto errors = output.errors();
    CHECK(errors.size() == 1);
    if (!errors.empty()) CHECK_THAT(errors[0], Catch::Contains(part));
}

// The same with any exit code of a failure.
inline void check_refused(const Output& output) {
    CAPTURE(output.err, output.out);
    CHECK(output.code != 0);
    CHECK(output.errors().size() == 1);
}

}  // namespace kvmem::test
