// Bytes that may be anything, as text that can be handed on.
#pragma once

#include <string>
#include <string_view>

namespace kvmem::apps {

// Valid UTF-8: each byte that is no part of it becomes U+FFFD.
std::string as_utf8(std::string_view bytes);

// For a line on a terminal: valid UTF-8 in which each control character (C0, DEL, C1) is a space.
std::string printable(std::string_view bytes);

}  // namespace kvmem::apps
