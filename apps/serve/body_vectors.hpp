// Vectors in bodies: rows of numbers in JSON, base64 of float32, and float32 as bytes; all in little endian.
#pragma once

#include "service.hpp"

#include "kvmem/core/matrix.hpp"

#include <span>
#include <string>

namespace kvmem::apps {

// The rows of the member `name`, or of a body of application/octet-stream. Throws Error unless each has `width`
// numbers.
Matrix vectors_of(const Call& call, const char* name, Index width);
// A row of JSON numbers of this width.
std::vector<float> row_of(const boost::json::value& value, Index width);

// A number of the query, which goes with a body of bytes, or of the JSON body.
Index setting(const Call& call, const Member& member, Index otherwise);

std::string base64(std::span<const float> numbers);
boost::json::value json_of(std::span<const float> numbers, bool as_base64);
std::string bytes_of(std::span<const float> numbers);

}  // namespace kvmem::apps
