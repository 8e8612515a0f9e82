// The header of a request: its bytes, its lines, and what they say about where the body ends.
#pragma once

#include "http.hpp"
#include "request_reader.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kvmem::apps {

// The first byte from `from` on that no header may have, or npos: a control, DEL, what is not ASCII, CR or LF alone. A
// CR at the end may be half of a line's end.
std::size_t forbidden_byte_at(std::string_view header, std::size_t from);

// Fills method, path, query, fields and keep_alive from a whole header, with its empty line. Throws HttpError for
// whatever two servers could read in two ways, and for what is not served: 400, 411, 413, 414, 415, 417, 431, 501, 505.
HeaderFraming parse_header(std::string_view header, const RequestLimits& limits, Request& request);

// Adds the field of a line without its end. Throws HttpError with 400 for a bad line, and for a second field of a name
// that may come once.
void parse_field(std::string_view line, std::map<std::string, std::string>& fields);

// The size in the first line of a chunk, whose extensions are ignored; `max` for a larger one. Nothing for a bad line.
std::optional<std::size_t> chunk_size(std::string_view line, std::size_t max);

}  // namespace kvmem::apps
