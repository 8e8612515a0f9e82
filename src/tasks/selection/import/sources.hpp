// The importers of kvmem/tasks/selection/import.hpp on texts in memory. Not installed.
#pragma once

#include "io/text_source.hpp"
#include "kvmem/tasks/selection/import.hpp"

#include <vector>

namespace kvmem {

// The questions of a text. Of the options, layout, on_bad_line and progress count.
std::vector<SelectionQuestion> questions_from(const Source& source, const SentencesImport& import);

// The same of each layout.
std::vector<SelectionQuestion> questions_from_tsv(const Source& source, const SentencesImport& import);
std::vector<SelectionQuestion> questions_from_trecqa(const Source& source, const SentencesImport& import);
std::vector<SelectionQuestion> questions_from_jsonl(const Source& source, const SentencesImport& import);

// Reorders the candidates of a file that lists the right ones first, as TrecQA's does: their places would tell the
// labels.
void hide_labels(std::span<SelectionQuestion> questions);

// Moves a fraction of the questions, those with one title or text together, to another list. Both stay in their order.
std::vector<SelectionQuestion> take_validation(std::vector<SelectionQuestion>& train, double fraction,
                                               std::uint64_t seed);

}  // namespace kvmem
