// Deflated bytes of other programs' files. Not installed.
#pragma once

#include <string>
#include <string_view>

namespace kvmem {

// How deflated bytes are framed: gzip's members, one behind the other, or not at all, as in zip files.
enum class Deflated { gzip, raw };

// The inflated bytes. Throws Error with `name` for bytes that do not inflate, and for more than `max` of them.
std::string inflate(std::string_view bytes, Deflated frame, std::size_t max, const std::string& name);

}  // namespace kvmem
