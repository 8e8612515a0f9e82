// The parts of the verbs import, synth and inspect for sequences.
#pragma once

#include "program.hpp"

#include <filesystem>

namespace kvmem::apps {

// kvmem import pairs, kvmem import text, kvmem synth pairs. The first argument is the layout or kind.
int run_import_pairs(const Arguments& arguments);
int run_import_text(const Arguments& arguments);
int run_synth_pairs(const Arguments& arguments);

// Print what `kvmem inspect` says of a data set of sequences.
void inspect_pairs(const std::filesystem::path& path, bool as_json);
void inspect_text(const std::filesystem::path& path, bool as_json);

}  // namespace kvmem::apps
