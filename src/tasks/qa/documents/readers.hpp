// The readers of layouts. Each adds a file's documents to a builder, whose text it reads.
#pragma once

#include "tasks/qa/documents/builder.hpp"

namespace kvmem::documents {

// Paragraphs between blank lines. A line over a line of '=' or '-' is a heading, as is a line alone in capitals. Blocks
// of indented lines, and of lines with columns, are tables.
void read_text(Builder& builder);

// The same for a part of the builder's text.
void read_text(Builder& builder, std::string_view part);

}  // namespace kvmem::documents
