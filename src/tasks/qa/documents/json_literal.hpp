// Strings of JSON with the bytes that each character was written with.
#pragma once

#include "tasks/qa/documents/mapped_text.hpp"

namespace kvmem::documents {

// The text of a string's literal, with its quotes, a part of `whole` that a parser has accepted.
MappedText unescaped(std::string_view literal, std::string_view whole);

// The end of the literal that begins at `at`, behind its closing quote.
std::size_t literal_end(std::string_view json, std::size_t at);

}  // namespace kvmem::documents
