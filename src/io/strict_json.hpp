// JSON without repeated fields.
#pragma once

#include "io/text_source.hpp"

#include <boost/json.hpp>
#include <string_view>

namespace kvmem {

// Parses a text. Throws boost::system::system_error when it is not JSON, and Error when an object has a field twice: a
// parser would silently take the last one.
boost::json::value parse_strictly(std::string_view text);

// The same for a line of a file. Throws Error that names the line.
boost::json::value parse_line(std::string_view line, const Location& location);

}  // namespace kvmem
