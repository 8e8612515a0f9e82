// The same vectors in one store and in three shards.
#pragma once

#include "kvmem/core/rng.hpp"
#include "support/program_fixture.hpp"

namespace kvmem::test {

inline std::string lines_of_numbers(Index rows, Index width, std::uint64_t seed, bool named) {
    Rng random(seed);
    std::string text;
    for (Index i = 0; i < rows; ++i) {
        if (named) text += "name " + std::to_string(i) + "\t";
        for (Index j = 0; j < width; ++j)
            text += (j > 0 ? " " : "") + std::to_string(static_cast<double>(random.below(2001)) / 1000 - 1);
        text += "\n";
    }
    return text;
}

// The same vectors in one file and in three shards.
struct TwoStores {
    ProgramFixture files;
    std::string vectors = files.write("vectors.txt", lines_of_numbers(700, 8, 1, true));
    std::string values = files.write("values.txt", lines_of_numbers(700, 3, 2, false));
    std::string queries = files.write("queries.txt", lines_of_numbers(6, 8, 3, false));
    std::string one = files.path("one.h5"), wiki = files.path("wiki.json");

    TwoStores() {
        for (const std::string& store : {one, wiki}) {
            std::vector<std::string> arguments{"index", vectors, "--values", values, "-o", store, "--lists", "8"};
            if (store == wiki) arguments.insert(arguments.end(), {"--shards", "3"});
            const Output made = kvmem_program(arguments);
            INFO(made.err);
            REQUIRE(made.code == 0);
        }
    }
    std::string shard(int i) const { return files.path("wiki." + std::to_string(i) + "-of-3.h5"); }
};

}  // namespace kvmem::test
