#include "tasks/qa/import/json.hpp"
#include "tasks/qa/import/sources.hpp"

namespace kvmem {

static void add_questions(DatasetBuilder& builder, const std::string& split, const std::vector<Source>& sources,
                          const ImportOptions& options) {
    for (const Source& source : sources) {
        LineReader lines(source, options);
        for (std::string_view line; lines.next(line);)
            builder.add_question(split, read_json_question(builder, line, lines.location(), true));
    }
}

QaDataset jsonl_from(const QuestionSources& questions, const ImportOptions& options) {
    DatasetBuilder builder(options);
    add_questions(builder, "train", questions.train, options);
    add_questions(builder, "valid", questions.valid, options);
    add_questions(builder, "test", questions.test, options);
    // The entities are the answers that the data itself names: each is one token wherever it occurs, so that a
    // question, a slot's key and a slot's value can meet in it.
    return builder.finish({.avoid_common_words = false});
}

QaDataset import_jsonl(const ImportOptions& options) {
    const QuestionSources questions = read_question_sources(options);
    if (questions.train.empty() && questions.valid.empty() && questions.test.empty())
        throw UsageError(
            {.what = "nothing to import", .expected = "files of questions", .got = {}, .where = {}, .hint = {}});
    return jsonl_from(questions, options);
}

}  // namespace kvmem
