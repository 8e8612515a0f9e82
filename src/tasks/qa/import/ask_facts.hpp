// Training questions made from facts, in the phrasings of the training questions that exist.
#pragma once

#include "tasks/qa/import/builder.hpp"

namespace kvmem {

// Adds training questions to the builder, one for each (entity, relation) of the facts,
// "subject<TAB>relation<TAB>object" lines that are read in both directions. A phrasing is a training question without
// its one [name]. Its relation is the one that gives all right answers of most of its questions. Keys that any question
// of the builder is about are left out: those with its entity and one of its answers. Phrasings are drawn from the
// seed.
void ask_facts(DatasetBuilder& builder, const Source& facts, const ImportOptions& options);

}  // namespace kvmem
