// Where sentences end.
#pragma once

#include "kvmem/tasks/qa/documents/collection.hpp"

namespace kvmem::documents {

// The sentences of a paragraph without the spaces around them, by Unicode's rules (UAX 29) and a list of abbreviations.
// Line ends within the paragraph end no sentence.
std::vector<Range> split_sentences(std::string_view paragraph);

}  // namespace kvmem::documents
