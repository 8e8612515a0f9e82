#include "tasks/qa/import/ask_facts.hpp"
#include "tasks/qa/import/question_pool.hpp"
#include "tasks/qa/import/sources.hpp"

#include <set>
#include <utility>

namespace kvmem {

namespace fs = std::filesystem;

static void add_lines_of_facts(DatasetBuilder& builder, const Source& kb, const ImportOptions& options) {
    for_each_line(kb, options, [&](std::string_view line, const Location& loc) {
        const auto fields = split_fields(line, '|', 3, loc, "not a fact", "subject|relation|object");
        builder.add_fact(fields[0], fields[1], fields[2], loc);
    });
}

// The task of each line. Tasks are numbered in the order of their names, which is then the order of reports.
static std::vector<Index> read_types(DatasetBuilder& builder, const Source& source, const ImportOptions& options) {
    std::vector<std::string_view> types;
    for_each_line(source, options, [&](std::string_view line, const Location& loc) {
        types.push_back(trim(line));
        require_name(types.back(), "a type", loc);
    });
    for (const std::string_view type : std::set(types.begin(), types.end())) builder.task(type);
    std::vector<Index> numbers;
    numbers.reserve(types.size());
    for (const std::string_view type : types) numbers.push_back(builder.task(type));
    return numbers;
}

// The questions of a file. Frees the file's text, since the builder holds copies of what is needed.
static std::deque<RawQuestion> read_questions(DatasetBuilder& builder, TypedSource& file,
                                              const ImportOptions& options) {
    std::deque<RawQuestion> questions;
    for_each_line(file.questions, options, [&](std::string_view line, const Location& loc) {
        const auto fields = split_fields(line, '\t', 2, loc, "not a question", "question<TAB>answer|answer");
        std::vector<std::string_view> names;
        if (!fields[1].empty()) names = split_fields(fields[1], '|');
        questions.push_back({loc, builder.keep(fields[0]), builder.answers(names, loc)});
    });
    std::string().swap(file.questions.text);
    if (!file.types) return questions;
    const std::vector<Index> types = read_types(builder, *file.types, options);
    if (types.size() != questions.size())
        throw error_in(file.types->name, "not as many types as questions",
                       std::to_string(questions.size()) + ", a line for each of " + file.questions.name,
                       std::to_string(types.size()));
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
    of_builder.valid_fraction = 0;  // the pool applies it, but not to files that it divides
    DatasetBuilder builder(of_builder);
    add_lines_of_facts(builder, kb, options);
    std::string().swap(kb.text);  // may be large and is no longer needed
    QuestionPool pool(builder, options.seed);
    for (TypedSource& file : sources.train) pool.add("train", read_questions(builder, file, options));
    for (TypedSource& file : sources.valid) pool.add("valid", read_questions(builder, file, options));
    for (TypedSource& file : sources.test) pool.add("test", read_questions(builder, file, options));
    for (TypedSource& file : sources.split) pool.add_divided(read_questions(builder, file, options));
    prepare(pool, options, metaqa);
    pool.give_all();
    if (sources.asked_facts) ask_facts(builder, *sources.asked_facts, options);
    return builder.finish();
}

fs::path metaqa_types_of(const fs::path& questions) {
    return questions.parent_path() / ("qa_" + questions.stem().string() + "_qtype.txt");
}

static std::vector<TypedSource> read_typed_sources(const std::vector<fs::path>& paths) {
    std::vector<TypedSource> sources;
    for (const fs::path& path : paths) {
        const fs::path types = metaqa_types_of(path);
        std::error_code unreadable;  // counts as a file without types
        sources.push_back({read_needed_source(path, "a file of questions"),
                           fs::exists(types, unreadable) ? read_source(types) : std::nullopt});
    }
    return sources;
}

static void require_metaqa_options(const MetaqaOptions& metaqa) {
    for (const auto& [what, count] : {std::pair{"phrasings to hold out", metaqa.held_out_phrasings},
                                      std::pair{"training questions of each file", metaqa.train_limit}})
        if (count < 0) throw usage_error(std::string("no such number of ") + what, "0 or more", std::to_string(count));
}

QaDataset import_metaqa(const fs::path& kb, const ImportOptions& options, const MetaqaOptions& metaqa) {
    require_valid_fraction(options);
    require_metaqa_options(metaqa);
    Source facts = read_needed_source(kb, "the file of facts, kb.txt");
    MetaqaSources sources{read_typed_sources(options.train), read_typed_sources(options.valid),
                          read_typed_sources(options.test), read_typed_sources(metaqa.split),
                          read_source(metaqa.asked_facts)};
    return metaqa_from(std::move(facts), std::move(sources), options, metaqa);
}

}  // namespace kvmem
