// Makes questions from facts by templates.
#pragma once

#include "tasks/qa/import/builder.hpp"

namespace kvmem {

// Checks the options. Throws UsageError.
void require_template_options(const TemplateOptions& templates);

// Adds the questions that the templates of this source make of the builder's facts to "train" and "test". Throws Error
// for a source that does not fit. Lines are "relation<TAB>phrasing<TAB>set": the relation is one of the facts',
// "~relation" for it read from object to subject, or a path of several, "~capital > currency". The phrasing holds "{}"
// once for the entity, the set is "train" or "test". If any path has several relations, the questions have the tasks
// "1 hop", "2 hops" and so on.
void add_template_questions(DatasetBuilder& builder, const Source& source, const TemplateOptions& templates,
                            const ImportOptions& options);

}  // namespace kvmem
