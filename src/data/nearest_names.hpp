// Suggestions for names that a text gets slightly wrong; see Linker::nearest().
#pragma once

#include "data/name_index.hpp"
#include "kvmem/data/linker.hpp"

namespace kvmem {

std::vector<NearName> nearest_names(const NameIndex& names, std::string_view text, int count);

}  // namespace kvmem
