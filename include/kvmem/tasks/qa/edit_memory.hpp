// Facts added to a data set's memory and taken from it: a model that reads the memory knows them at once.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <string>

namespace kvmem {

struct NamedFact {
    std::string subject, relation, object;
};

// "subject|relation|object". Throws UsageError.
NamedFact parse_fact(const std::string& text);

// The fact becomes two slots, [subject, relation] -> [object] and [object, ~relation] -> [subject], as importers make
// them; names that are new become entities and candidates. Nothing happens if it is there. Throws Error, and leaves
// everything as it was, for a relation that the data set does not have or a name that cannot be one.
void add_fact(QaDataset& dataset, const NamedFact& fact);

// Takes both slots away; the names stay. Throws Error, and leaves everything as it was, if the fact is not there.
void remove_fact(QaDataset& dataset, const NamedFact& fact);

}  // namespace kvmem
