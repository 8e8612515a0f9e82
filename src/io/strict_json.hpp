// JSON without repeated fields.
#pragma once

#include <boost/json.hpp>
#include <string_view>

namespace kvmem {

// Parses a text. Throws boost::system::system_error when it is not JSON, and Error when an object has a field twice: a
// parser would silently take the last one.
boost::json::value parse_strictly(std::string_view text);

}  // namespace kvmem
