#include "tasks/qa/fact_slots.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kvmem {

namespace {

// A slot [entity, relation] -> [value].
struct FactSlot {
    Token entity, relation, value;

    bool is(const Slots& memory, Index slot) const {
        return std::ranges::equal(memory.key[slot], std::array{entity, relation}) &&
               std::ranges::equal(memory.value[slot], std::array{value});
    }
    bool is_in(const Slots& memory) const {
        for (Index slot = 0; slot < memory.size(); ++slot)
            if (is(memory, slot)) return true;
        return false;
    }
};

}  // namespace

static FactSlot forth(const FactTokens& fact) { return {fact.subject, fact.relation, fact.object}; }
static FactSlot back(const FactTokens& fact) { return {fact.object, fact.reversed, fact.subject}; }

void add_fact_slots(Slots& memory, std::vector<SlotOrigin>& origin, const FactTokens& fact) {
    const bool has_origin = !origin.empty();
    for (const FactSlot& slot : {forth(fact), back(fact)}) {
        if (slot.relation == unknown_token || slot.is_in(memory)) continue;
        memory.push(std::array{slot.entity, slot.relation}, std::array{slot.value});
        if (has_origin) origin.push_back({-1, 0, 0});
    }
}

bool remove_fact_slots(Slots& memory, std::vector<SlotOrigin>& origin, const FactTokens& fact) {
    if (!forth(fact).is_in(memory)) return false;
    Slots rest;
    std::vector<SlotOrigin> rest_origin;
    for (Index slot = 0; slot < memory.size(); ++slot) {
        if (forth(fact).is(memory, slot)) continue;
        if (fact.reversed != unknown_token && back(fact).is(memory, slot)) continue;
        if (!origin.empty()) rest_origin.push_back(origin[slot]);
        rest.push(memory.key[slot], memory.value[slot]);
    }
    origin = std::move(rest_origin);
    memory = std::move(rest);
    return true;
}

}  // namespace kvmem
