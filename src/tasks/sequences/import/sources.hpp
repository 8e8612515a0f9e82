// The importers of kvmem/tasks/sequences/import.hpp on texts in memory. They ignore the paths of the options.
#pragma once

#include "io/text_source.hpp"
#include "kvmem/tasks/sequences/import.hpp"

#include <vector>

namespace kvmem {

struct SequenceSources {
    std::vector<Source> train, valid, test;
};

// The texts of all files. Throws UsageError for wrong options before it reads anything, and Error for files.
SequenceSources read_sequence_sources(const SequenceImport& options);

PairsDataset pairs_from(const SequenceSources& sources, const SequenceImport& options, const UnitChoice& source,
                        const UnitChoice& target);

TextDataset text_from(const SequenceSources& sources, const SequenceImport& options, const UnitChoice& units,
                      Documents documents);

// Throws Error for fewer than two parts.
void require_two(Index count, const char* parts);
// The number of `count` parts that a fraction of them is: one or more, and not all. Throws Error for fewer than two.
Index validation_count(double fraction, Index count, const char* parts);

}  // namespace kvmem
