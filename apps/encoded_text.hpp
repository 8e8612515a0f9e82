// Vectors of texts and memories, encoded by a trained model, for the verbs of stores.
#pragma once

#include "kvmem/io/vectors.hpp"
#include "program.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kvmem::apps {

// Rows that become slots of a store.
struct EncodedRows {
    VectorFile keys;  // with texts as names
    Matrix values;    // or none
};

// Given the number of rows that there are, returns those that are encoded, rising; null: all.
using PickRows = std::function<std::vector<Index>(Index rows)>;
// The numbers of those rows.
std::vector<Index> picked_rows(const PickRows& pick, Index rows);

// Encodes the memory of the data set that the option "memory" names, by default the one of the run that the option
// "run" names (CompiledMemory); with a run of next sentences, the sentences of documents.
EncodedRows encoded_memory(const po::variables_map& values, const PickRows& pick = {});

// Encodes lines of text as that model reads questions, or sentences. Errors name the line of `name`.
VectorFile encoded_lines(const po::variables_map& values, const std::string& text, const std::string& name,
                         const PickRows& pick = {});

// The contents of a file, or of standard input for "-".
std::string text_from(const std::string& source);

}  // namespace kvmem::apps
