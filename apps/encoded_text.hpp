// Text and memories as the vectors of a trained model, for the verbs of stores.
#pragma once

#include "kvmem/io/vectors.hpp"
#include "program.hpp"

#include <string>

namespace kvmem::apps {

// What becomes slots of a store: a row each.
struct EncodedRows {
    VectorFile keys;  // with texts as names
    Matrix values;    // or none
};

// The memory of the data set that the run which the option "run" names was trained on, or of the one that the option
// "memory" names (CompiledMemory).
EncodedRows encoded_memory(const po::variables_map& values);

// Lines of text, as that model reads questions. Errors name the line of `name`.
VectorFile encoded_lines(const po::variables_map& values, const std::string& text, const std::string& name);

// All of a file, or with "-" of standard input.
std::string text_from(const std::string& source);

}  // namespace kvmem::apps
