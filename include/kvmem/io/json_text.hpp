// The text of JSON where a parser loses it: how a value was written, names that an object has twice; and numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvmem {

// All expect text that was parsed or serialized without an error. For other text, they return any result, and
// terminate.

// The first name that an object, at any depth, has twice.
std::optional<std::string> repeated_name(std::string_view json);

// The text of this member's value in the outermost object, or "". It is a part of `json`.
std::string_view member_text(std::string_view json, std::string_view name);

// Adds a finite number as people write it, 1.5, the shortest that gives the same double; a whole one as 2.0.
void append_number(std::string& json, double number);

// The same JSON with fractions as people write them, 1.5 for 1.5E0, and the shortest that give the same double.
std::string with_plain_numbers(std::string_view json);

}  // namespace kvmem
