// Suggestions for names that a text gets slightly wrong; see Linker::nearest().
#pragma once

#include "data/name_index.hpp"

namespace kvmem {

std::vector<Token> nearest_names(const NameIndex& names, std::string_view text, int count);

}  // namespace kvmem
