// Adds facts to a data set's memory and removes them. A model that reads the memory knows them at once.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <string>

namespace kvmem {

// A fact by its names.
struct NamedFact {
    // The relation leads from the subject to the object.
    std::string subject, relation, object;
};

// Parses "subject|relation|object". Throws UsageError for another number of parts.
NamedFact parse_fact(const std::string& text);

// Adds a fact as importers do, by the slots [subject, relation] -> [object] and [object, ~relation] -> [subject]. New
// names become entities and candidates. Does nothing for a fact that exists. Throws Error, with nothing changed, for a
// relation that the data set lacks or an unusable name.
void add_fact(QaDataset& dataset, const NamedFact& fact);

// Removes both slots of a fact; its names stay. Throws Error, with nothing changed, if the memory lacks the fact.
void remove_fact(QaDataset& dataset, const NamedFact& fact);

}  // namespace kvmem
