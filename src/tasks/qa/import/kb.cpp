#include "tasks/qa/import/json.hpp"
#include "tasks/qa/import/sources.hpp"
#include "tasks/qa/import/templates.hpp"

#include <algorithm>

namespace kvmem {

// Lines that are not comments.
static bool next_row(LineReader& lines, std::string_view& line) {
    while (lines.next(line))
        if (!line.starts_with('#')) return true;
    return false;
}

// Names of kb files have none of the signs that separate objects and mark names in questions.
static void require_no_marks(std::string_view name, const Location& loc) {
    if (std::ranges::any_of(name, [](char c) { return c == '|' || c == '[' || c == ']'; }))
        throw loc.error("a name holds a sign that names have not", "no '|', '[' or ']'", "'" + std::string(name) + "'");
}

static void add_fact(DatasetBuilder& builder, std::string_view subject, std::string_view relation,
                     std::string_view object, const Location& loc) {
    require_no_marks(subject, loc);
    require_no_marks(object, loc);
    builder.add_fact(subject, relation, object, loc);
}

static void add_triple(DatasetBuilder& builder, std::string_view line, const Location& loc) {
    const std::vector<std::string_view> fields = split_fields(line, '\t');
    if (fields.size() != 3)
        throw loc.error("not a fact", "subject<TAB>relation<TAB>object", counted_fields(fields.size()));
    add_fact(builder, fields[0], fields[1], fields[2], loc);
}

static std::vector<std::string_view> table_columns(std::string_view line, const Location& loc) {
    std::vector<std::string_view> columns = split_fields(line, '\t');
    if (columns[0] != "@table" || columns.size() < 3)
        throw loc.error("not the head of a table", "@table<TAB>subject's name<TAB>relation...",
                        counted_fields(columns.size()));
    columns.erase(columns.begin());
    for (const std::string_view column : columns) require_name(column, "a column", loc);
    std::vector<std::string_view> sorted = columns;
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
        throw loc.error("a column is there twice", {}, "'" + std::string(*twice) + "'");
    return columns;
}

// An empty cell is no fact; "|" separates the objects of others.
static void add_table_row(DatasetBuilder& builder, const std::vector<std::string_view>& columns, std::string_view line,
                          const Location& loc) {
    const std::vector<std::string_view> cells = split_fields(line, '\t');
    if (cells.size() != columns.size())
        throw loc.error("not a row of the table", counted_fields(columns.size()), counted_fields(cells.size()));
    require_name(cells[0], "a subject", loc);
    for (std::size_t i = 1; i < cells.size(); ++i) {
        if (cells[i].empty()) continue;
        for (const std::string_view object : split_fields(cells[i], '|'))
            add_fact(builder, cells[0], columns[i], object, loc);
    }
}

static void add_facts(DatasetBuilder& builder, const Source& source, const ImportOptions& options) {
    LineReader lines(source, options);
    std::vector<std::string_view> columns;
    bool first = true;
    for (std::string_view line; next_row(lines, line); first = false) {
        if (first && line.starts_with("@table"))
            columns = table_columns(line, lines.location());
        else if (columns.empty())
            add_triple(builder, line, lines.location());
        else
            add_table_row(builder, columns, line, lines.location());
    }
}

static RawQuestion read_tsv_question(DatasetBuilder& builder, std::string_view line, const Location& loc) {
    std::vector<std::string_view> fields = split_fields(line, '\t');
    if (fields.size() < 2) throw loc.error("not a question", "question<TAB>answer<TAB>answer...", "no tab");
    const std::string_view text = builder.keep(fields[0]);
    fields.erase(fields.begin());
    if (fields.size() == 1 && fields[0].empty()) fields.clear();
    return {loc, text, builder.answers(fields, loc)};
}

static void add_questions(DatasetBuilder& builder, const std::string& split, const std::vector<Source>& sources,
                          const ImportOptions& options) {
    for (const Source& source : sources) {
        const bool as_json = source.name.ends_with(".jsonl");
        LineReader lines(source, options);
        for (std::string_view line; lines.next(line);) {
            RawQuestion question = as_json ? read_json_question(builder, line, lines.location(), false)
                                           : read_tsv_question(builder, line, lines.location());
            for (const Token answer : question.answers)
                require_no_marks(builder.vocabulary().text(answer), lines.location());
            builder.add_question(split, std::move(question));
        }
    }
}

QaDataset kb_from(const std::vector<Source>& facts, const std::optional<Source>& template_source,
                  const TemplateOptions& templates, const QuestionSources& questions, const ImportOptions& options) {
    DatasetBuilder builder(options);
    for (const Source& source : facts) add_facts(builder, source, options);
    if (template_source) add_template_questions(builder, *template_source, templates, options);
    add_questions(builder, "train", questions.train, options);
    add_questions(builder, "valid", questions.valid, options);
    add_questions(builder, "test", questions.test, options);
    return builder.finish();
}

// Templates have three columns too, and a wildcard soon takes them for facts.
static void require_no_templates(const std::filesystem::path& facts, const std::filesystem::path& templates) {
    std::error_code missing;
    if (!templates.empty() && std::filesystem::equivalent(facts, templates, missing))
        throw UsageError({.what = "a file of facts is the file of templates",
                          .expected = "facts",
                          .got = {},
                          .where = facts.string(),
                          .hint = "name the files of facts without it"});
}

QaDataset import_kb(const std::vector<std::filesystem::path>& facts, const TemplateOptions& templates,
                    const ImportOptions& options) {
    require_template_options(templates);
    const QuestionSources questions = read_question_sources(options);
    for (const std::filesystem::path& path : facts) require_no_templates(path, templates.file);
    const std::vector<Source> sources = read_sources(facts, "a file of facts");
    if (sources.empty())
        throw UsageError(
            {.what = "a file is missing", .expected = "a file of facts", .got = {}, .where = {}, .hint = {}});
    return kb_from(sources, read_source(templates.file), templates, questions, options);
}

}  // namespace kvmem
