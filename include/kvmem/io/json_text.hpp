// What a parser of JSON does not tell: how a value was written, and which names an object has twice.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvmem {

// Both are for text that was parsed without an error; of other text they give anything, but end.

// The first name that an object, at any depth, has twice.
std::optional<std::string> repeated_name(std::string_view json);

// The value of this name in the outermost object, as it stands there; "" when there is none. A part of `json`.
std::string_view member_text(std::string_view json, std::string_view name);

}  // namespace kvmem
