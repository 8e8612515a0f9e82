// What tests of the program on stories work on: two tasks made up from a seed, and a small model trained on them.
#pragma once

#include "support/program_fixture.hpp"

namespace kvmem::test {

struct StoryFixture : ProgramFixture {
    void import_stories() const {
        const std::string folder = path("stories");
        REQUIRE(kvmem_program({"synth", "stories", "--tasks", "1,6", "--questions", "190", "--valid", "40", "--test",
                               "10", "--output", folder})
                    .code == 0);
        REQUIRE(kvmem_program({"import", "babi", folder, "--output", data, "--title", "Made up"}).code == 0);
    }
    // A MemN2N with its linear start, a second of training.
    Output train_stories(std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments{"train",    data, "--run",   run, "--preset", "memn2n-babi-1k-joint",
                                           "--epochs", "4",  "--width", "10"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        Output done = kvmem_program(arguments);
        INFO(done.err);
        REQUIRE(done.code == 0);
        return done;
    }
    Output ask(const std::string& story, std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments{"ask", run, "--story", write("story.txt", story)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    }
};

}  // namespace kvmem::test
