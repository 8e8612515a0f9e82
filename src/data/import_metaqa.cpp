#include "data/import_builder.hpp"
#include "data/import_sources.hpp"

namespace kvmem {

static void add_facts(DatasetBuilder& builder, const Source& kb, const ImportOptions& options) {
    LineReader lines(kb, options);
    for (std::string_view line; lines.next(line);) {
        const std::vector<std::string_view> fields = split_fields(line, '|');
        if (fields.size() != 3)
            throw lines.place().error("not a fact", "subject|relation|object", counted_fields(fields.size()));
        builder.add_fact(fields[0], fields[1], fields[2], lines.place());
    }
}

static void add_questions(DatasetBuilder& builder, const std::string& split, const std::optional<Source>& source,
                          const ImportOptions& options) {
    if (!source) return;
    LineReader lines(*source, options);
    for (std::string_view line; lines.next(line);) {
        const std::vector<std::string_view> fields = split_fields(line, '\t');
        if (fields.size() != 2)
            throw lines.place().error("not a question", "question<TAB>answer|answer", counted_fields(fields.size()));
        std::vector<std::string_view> names;
        if (!fields[1].empty()) names = split_fields(fields[1], '|');
        builder.add_question(split, {lines.place(), std::string(fields[0]), builder.answers(names, lines.place())});
    }
}

QaDataset metaqa_from(const Source& kb, const QuestionSources& questions, const ImportOptions& options) {
    DatasetBuilder builder(options);
    add_facts(builder, kb, options);
    add_questions(builder, "train", questions.train, options);
    add_questions(builder, "valid", questions.valid, options);
    add_questions(builder, "test", questions.test, options);
    return builder.finish();
}

QaDataset import_metaqa(const std::filesystem::path& kb, const ImportOptions& options) {
    const QuestionSources questions = read_question_sources(options);
    return metaqa_from(read_needed_source(kb, "the file of facts, kb.txt"), questions, options);
}

}  // namespace kvmem
