// The parts of the verbs import and synth for sequences.
#pragma once

#include "program.hpp"

namespace kvmem::apps {

// kvmem import pairs, kvmem import text, kvmem synth pairs. The first argument is the layout or kind.
int run_import_pairs(const Arguments& arguments);
int run_import_text(const Arguments& arguments);
int run_synth_pairs(const Arguments& arguments);

}  // namespace kvmem::apps
