// The makers of the twenty tasks, by the world that they tell of.
#pragma once

#include "tasks/qa/synth/story.hpp"

namespace kvmem::synth {

// People who walk, carry and give (synth_moving.cpp).
Maker one_fact, two_facts, three_facts, three_arguments, yes_no, counting, lists;
// The same, told in other ways (synth_telling.cpp).
Maker negation, indefinite, coreference, conjunction, compound_coreference, days;
// Rules about creatures and motives of people (synth_rules.cpp).
Maker deduction, induction, motivations;
// Rooms of a ship, things on a wall, vessels (synth_space.cpp).
Maker two_arguments, positions, sizes, paths;

}  // namespace kvmem::synth
