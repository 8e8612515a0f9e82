// Questions made from facts by templates.
#pragma once

#include "tasks/qa/import/builder.hpp"

namespace kvmem {

// Checks the options. Throws UsageError.
void require_template_options(const TemplateOptions& templates);

// Adds to "train" and "test" what the templates of this source make of the builder's facts. Lines are
// "relation<TAB>phrasing<TAB>set": the relation is one of the facts', "~relation" for it read from object to subject,
// or a path of several, "~capital > currency"; the phrasing holds "{}" once for the entity that is asked about, the set
// is "train" or "test". With a path among them, the questions have tasks: "1 hop", "2 hops" and so on.
void add_template_questions(DatasetBuilder& builder, const Source& source, const TemplateOptions& templates,
                            const ImportOptions& options);

}  // namespace kvmem
