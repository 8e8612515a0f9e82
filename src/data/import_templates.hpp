// Questions made from facts by templates.
#pragma once

#include "data/import_builder.hpp"

namespace kvmem {

// Checks the options. Throws UsageError.
void require_template_options(const TemplateOptions& templates);

// Adds to "train" and "test" what the templates of this source make of the builder's facts. Lines are
// "relation<TAB>phrasing<TAB>set": the relation is one of the facts' or "~relation" for it read from object to
// subject, the phrasing holds "{}" once for the entity that is asked about, the set is "train" or "test".
void add_template_questions(DatasetBuilder& builder, const Source& source, const TemplateOptions& templates,
                            const ImportOptions& options);

}  // namespace kvmem
