// What `kvmem index` makes slots of, from its options.
#pragma once

#include "encoded_text.hpp"

#include <string>

namespace kvmem::apps {

// Throws UsageError for options that do not belong together.
void check_row_options(const po::variables_map& values);

// Without --run: the vectors of the file, and those of --values, which fit them and a store.
EncodedRows rows_of_file(const po::variables_map& values, const std::string& dataset);

// The text that --text names, or none.
std::string text_to_index(const po::variables_map& values);
// With --run: what the model encodes, its memory or that text. Ranks of a cluster pick their rows.
EncodedRows rows_of_run(const po::variables_map& values, const std::string& text, const PickRows& pick = {});

}  // namespace kvmem::apps
