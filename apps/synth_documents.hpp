// The part of the verb synth for documents.
#pragma once

#include "program.hpp"

namespace kvmem::apps {

// kvmem synth documents. The first argument is the kind.
int run_synth_documents(const Arguments& arguments);

}  // namespace kvmem::apps
