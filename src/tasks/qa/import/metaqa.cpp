#include "tasks/qa/import/builder.hpp"
#include "tasks/qa/import/question_pool.hpp"
#include "tasks/qa/import/sources.hpp"

#include <set>
#include <utility>

namespace kvmem {

namespace fs = std::filesystem;

static void add_facts(DatasetBuilder& builder, const Source& kb, const ImportOptions& options) {
    LineReader lines(kb, options);
    for (std::string_view line; lines.next(line);) {
        const std::vector<std::string_view> fields = split_fields(line, '|');
        if (fields.size() != 3)
            throw lines.location().error("not a fact", "subject|relation|object", counted_fields(fields.size()));
        builder.add_fact(fields[0], fields[1], fields[2], lines.location());
    }
}

// Tasks are numbered in the order of their names, so that reports of a file are in it too.
static std::vector<Index> read_types(DatasetBuilder& builder, const Source& source, const ImportOptions& options) {
    std::vector<std::string_view> types;
    LineReader lines(source, options);
    for (std::string_view line; lines.next(line);) {
        types.push_back(trim(line));
        require_name(types.back(), "a type", lines.location());
    }
    for (const std::string_view type : std::set(types.begin(), types.end())) builder.task(type);
    std::vector<Index> numbers;
    for (const std::string_view type : types) numbers.push_back(builder.task(type));
    return numbers;
}

// Nothing but the names of the sources is left.
static std::deque<RawQuestion> read_questions(DatasetBuilder& builder, TypedSource& file,
                                              const ImportOptions& options) {
    std::deque<RawQuestion> questions;
    LineReader lines(file.questions, options);
    for (std::string_view line; lines.next(line);) {
        const std::vector<std::string_view> fields = split_fields(line, '\t');
        if (fields.size() != 2)
            throw lines.location().error("not a question", "question<TAB>answer|answer", counted_fields(fields.size()));
        std::vector<std::string_view> names;
        if (!fields[1].empty()) names = split_fields(fields[1], '|');
        questions.push_back({lines.location(), builder.keep(fields[0]), builder.answers(names, lines.location())});
    }
    std::string().swap(file.questions.text);
    if (!file.types) return questions;
    const std::vector<Index> types = read_types(builder, *file.types, options);
    if (types.size() != questions.size())
        throw Error({.what = "not as many types as questions",
                     .expected = std::to_string(questions.size()) + ", a line for each of " + file.questions.name,
                     .got = std::to_string(types.size()),
                     .where = file.types->name,
                     .hint = {}});
    for (std::size_t i = 0; i < types.size(); ++i) questions[i].task = types[i];
    return questions;
}

static void prepare(QuestionPool& pool, const ImportOptions& options, const MetaqaOptions& metaqa) {
    if (options.valid_fraction > 0) pool.take_validation(options.valid_fraction);
    if (metaqa.held_out_phrasings > 0) pool.hold_out_phrasings(metaqa.held_out_phrasings);
    if (metaqa.train_limit > 0) pool.limit_training(metaqa.train_limit);
    if (metaqa.without_marks == MetaqaOptions::WithoutMarks::test) pool.take_marks_off("test");
    if (metaqa.without_marks == MetaqaOptions::WithoutMarks::all) pool.take_marks_off({});
}

QaDataset metaqa_from(Source kb, MetaqaSources sources, const ImportOptions& options, const MetaqaOptions& metaqa) {
    ImportOptions of_builder = options;
    of_builder.valid_fraction = 0;  // the pool takes it, and not from files that are divided
    DatasetBuilder builder(of_builder);
    add_facts(builder, kb, options);
    std::string().swap(kb.text);  // large, and read
    QuestionPool pool(builder, options.seed);
    for (TypedSource& file : sources.train) pool.add("train", read_questions(builder, file, options));
    for (TypedSource& file : sources.valid) pool.add("valid", read_questions(builder, file, options));
    for (TypedSource& file : sources.test) pool.add("test", read_questions(builder, file, options));
    for (TypedSource& file : sources.split) pool.add_divided(read_questions(builder, file, options));
    prepare(pool, options, metaqa);
    pool.give_all();
    return builder.finish();
}

fs::path metaqa_types_of(const fs::path& questions) {
    return questions.parent_path() / ("qa_" + questions.stem().string() + "_qtype.txt");
}

static std::vector<TypedSource> read_typed_sources(const std::vector<fs::path>& paths) {
    std::vector<TypedSource> sources;
    for (const fs::path& path : paths) {
        const fs::path types = metaqa_types_of(path);
        std::error_code unreadable;  // then there are none
        sources.push_back({read_needed_source(path, "a file of questions"),
                           fs::exists(types, unreadable) ? read_source(types) : std::nullopt});
    }
    return sources;
}

static void require_metaqa_options(const MetaqaOptions& metaqa) {
    for (const auto& [what, count] : {std::pair{"phrasings to hold out", metaqa.held_out_phrasings},
                                      std::pair{"training questions of each file", metaqa.train_limit}})
        if (count < 0)
            throw UsageError({.what = std::string("no such number of ") + what,
                              .expected = "0 or more",
                              .got = std::to_string(count),
                              .where = {},
                              .hint = {}});
}

QaDataset import_metaqa(const fs::path& kb, const ImportOptions& options, const MetaqaOptions& metaqa) {
    require_valid_fraction(options);
    require_metaqa_options(metaqa);
    Source facts = read_needed_source(kb, "the file of facts, kb.txt");
    MetaqaSources sources{read_typed_sources(options.train), read_typed_sources(options.valid),
                          read_typed_sources(options.test), read_typed_sources(metaqa.split)};
    return metaqa_from(std::move(facts), std::move(sources), options, metaqa);
}

}  // namespace kvmem
