#include "tasks/qa/import/json.hpp"
#include "tasks/qa/import/sources.hpp"

namespace kvmem {

QaDataset jsonl_from(const QuestionSources& questions, const ImportOptions& options) {
    DatasetBuilder builder(options);
    for_each_line(questions, options, [&](const char* split, std::string_view line, const Location& loc) {
        builder.add_question(split, read_json_question(builder, line, loc, true));
    });
    // The entities are the answers that the data itself names. Each is one token wherever it occurs, so that a
    // question, a slot's key and a slot's value can share it.
    return builder.finish({.avoid_common_words = false});
}

QaDataset import_jsonl(const ImportOptions& options) {
    const QuestionSources questions = read_question_sources(options);
    if (questions.train.empty() && questions.valid.empty() && questions.test.empty())
        throw usage_error("nothing to import", "files of questions");
    return jsonl_from(questions, options);
}

}  // namespace kvmem
