// The text of JSON where a parser loses it: how a value was written, and names that an object has twice.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvmem {

// Both expect text that was parsed without an error. For other text, they return any result, and terminate.

// The first name that an object, at any depth, has twice.
std::optional<std::string> repeated_name(std::string_view json);

// The text of this member's value in the outermost object, or "". It is a part of `json`.
std::string_view member_text(std::string_view json, std::string_view name);

}  // namespace kvmem
