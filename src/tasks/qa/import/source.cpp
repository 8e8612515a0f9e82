#include "tasks/qa/import/source.hpp"

namespace kvmem {

void require_valid_fraction(const ImportOptions& options) {
    require_valid_fraction(options.valid_fraction, !options.valid.empty(), "questions");
}

QuestionSources read_question_sources(const ImportOptions& options) {
    require_valid_fraction(options);
    const std::string what = "a file of questions";
    return {read_sources(options.train, what), read_sources(options.valid, what), read_sources(options.test, what)};
}

}  // namespace kvmem
