// The vectors of a model's words and names, as `kvmem plot` shows them.
#pragma once

#include "kvmem/tasks/qa/model.hpp"

#include <string>

namespace kvmem::apps {

// A section with the most frequent tokens in the two directions in which their vectors vary most. The vectors are the
// first parameter with a row for each token of the vocabulary. "" for a model without one.
std::string vectors_section(const Model& model);

}  // namespace kvmem::apps
