// A small run of a sentence selector.
#pragma once

#include "support/program_fixture.hpp"

namespace kvmem::test {

// Trains one in the directory, and gives the path of the run.
inline std::string trained_selector(const ProgramFixture& files) {
    std::string lines;
    for (const std::string thing : {"paper", "water", "glass", "bread", "stone", "paint", "metal", "music"})
        lines += "What is " + thing + "?\tThe other is old.\t0\nWhat is " + thing + "?\tIt is " + thing + ".\t1\n";
    const std::string sentences = files.write("sentences.tsv", lines), data = files.path("sentences.h5"),
                      run = files.path("selector");
    REQUIRE(kvmem_program({"import", "sentences", sentences, "--valid", sentences, "-o", data}).code == 0);
    const Output train = kvmem_program({"train", data, "--run", run, "--epochs", "1", "--width", "4"});
    INFO(train.err);
    REQUIRE(train.code == 0);
    return run;
}

}  // namespace kvmem::test
