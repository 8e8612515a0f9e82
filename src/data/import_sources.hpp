// The importers on texts that are already read; see kvmem/data/import.hpp. Only the rest of the options counts,
// not their paths.
#pragma once

#include "data/import_source.hpp"
#include "kvmem/data/qa_dataset.hpp"

#include <optional>
#include <vector>

namespace kvmem {

QaDataset metaqa_from(const Source& kb, const QuestionSources& questions, const ImportOptions& options);

QaDataset wikimovies_from(const Source& kb, const std::optional<Source>& entities, const QuestionSources& questions,
                          const ImportOptions& options);

QaDataset kb_from(const std::vector<Source>& facts, const std::optional<Source>& template_source,
                  const TemplateOptions& templates, const QuestionSources& questions, const ImportOptions& options);

QaDataset jsonl_from(const QuestionSources& questions, const ImportOptions& options);

}  // namespace kvmem
