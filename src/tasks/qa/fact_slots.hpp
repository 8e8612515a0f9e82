// The slots of a fact in a memory. Not installed.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <vector>

namespace kvmem {

// A fact has the slots [subject, relation] -> [object] and [object, reversed] -> [subject]. A `reversed` of
// unknown_token stands for none.
struct FactTokens {
    Token subject, relation, object, reversed;
};

// Adds those of the slots that are not there, as slots of no document where the memory has origins.
void add_fact_slots(Slots& memory, std::vector<SlotOrigin>& origin, const FactTokens& fact);
// Removes both. Returns false, with nothing changed, when the first is not there.
[[nodiscard]] bool remove_fact_slots(Slots& memory, std::vector<SlotOrigin>& origin, const FactTokens& fact);

}  // namespace kvmem
