// Questions as JSON lines (datasets/README.md).
#pragma once

#include "tasks/qa/import/builder.hpp"

#include <string_view>

namespace kvmem {

// Reads {"question": text, "answers": [text...]}, and "memory": [{"key": text, "value": text}...] if `with_memory`.
// Ignores other members. Throws Error with the path of the value that does not fit.
RawQuestion read_json_question(DatasetBuilder& builder, std::string_view line, const Location& loc, bool with_memory);

}  // namespace kvmem
