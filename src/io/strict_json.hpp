// JSON in which nothing is said twice.
#pragma once

#include <boost/json.hpp>
#include <string_view>

namespace kvmem {

// Parses a text. Throws boost::system::system_error when it is not JSON, and Error when an object has two fields of one
// name, of which a parser would take the last.
boost::json::value parse_strictly(std::string_view text);

}  // namespace kvmem
