// The makers of the twenty tasks, by the world of their stories.
#pragma once

#include "tasks/qa/synth/story.hpp"

namespace kvmem::synth {

// People walk, carry and give (moving.cpp).
Maker one_fact, two_facts, three_facts, three_arguments, yes_no, counting, lists;
// The same in other words (telling.cpp).
Maker negation, indefinite, coreference, conjunction, compound_coreference, days;
// Rules about creatures and motives of people (rules.cpp).
Maker deduction, induction, motivations;
// Rooms of a ship, things on a wall, vessels (space.cpp).
Maker two_arguments, positions, sizes, paths;

// All makers in the order of their tasks' numbers.
inline constexpr Maker* makers[] = {
    one_fact,  two_facts,  three_facts, two_arguments, three_arguments,      yes_no, counting,  lists,
    negation,  indefinite, coreference, conjunction,   compound_coreference, days,   deduction, induction,
    positions, sizes,      paths,       motivations};

}  // namespace kvmem::synth
