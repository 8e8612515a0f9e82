// Suggestions for misspelled names, for EntityLinker::nearest().
#pragma once

#include "kvmem/text/entity_linker.hpp"
#include "text/name_index.hpp"

namespace kvmem {

// The number of letters to insert, delete or replace to turn one into the other (Levenshtein 1966).
std::size_t edit_distance(std::u32string_view a, std::u32string_view b);

std::vector<NearName> nearest_names(const NameIndex& names, std::string_view text, int count);

}  // namespace kvmem
