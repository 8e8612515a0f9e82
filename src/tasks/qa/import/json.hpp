// Questions as JSON lines.
#pragma once

#include "tasks/qa/import/builder.hpp"

#include <string_view>

namespace kvmem {

// {"question": text, "answers": [text...]}, with "memory": [{"key": text, "value": text}...] too if `with_memory`.
// Other members are passed over. Throws Error that says where in the line something else stands.
RawQuestion read_json_question(DatasetBuilder& builder, std::string_view line, const Location& loc, bool with_memory);

}  // namespace kvmem
