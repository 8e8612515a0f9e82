#include "tasks/qa/import/json.hpp"
#include "tasks/qa/import/sources.hpp"
#include "tasks/qa/import/templates.hpp"

#include <algorithm>

namespace kvmem {

// Gives the next line that is no comment, or returns false at the end.
static bool next_row(LineReader& lines, std::string_view& line) {
    while (lines.next(line))
        if (!line.starts_with('#')) return true;
    return false;
}

// Names must lack the signs that separate objects and that mark names in questions.
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

// Returns the relation.
static std::string_view add_triple(DatasetBuilder& builder, std::string_view line, const Location& loc) {
    const auto fields = split_fields(line, '\t', 3, loc, "not a fact", "subject<TAB>relation<TAB>object");
    add_fact(builder, fields[0], fields[1], fields[2], loc);
    return fields[1];
}

namespace {
// Finds a heading that was read as a fact: no other line has its relation.
class HeadingWatch {
  public:
    void see(std::string_view relation, const Location& loc) {
        if (facts_++ == 0) relation_ = relation, loc_ = loc;
        alike_ += relation == relation_;
    }
    void tell(DatasetBuilder& builder) const {
        constexpr Index enough = 5;
        if (facts_ >= enough && alike_ == 1)
            builder.doubt("no other line has the relation of this one; the heading of a table begins with @table",
                          loc_);
    }

  private:
    std::string_view relation_;
    Location loc_;
    Index facts_ = 0, alike_ = 0;
};
}  // namespace

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

// Adds no fact for an empty cell, and one for each object between "|" in other cells.
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
    LineReader lines(source, options.progress);
    std::vector<std::string_view> columns;
    HeadingWatch watch;
    bool first = true;
    for (std::string_view line; next_row(lines, line); first = false) {
        if (first && line.starts_with("@table"))
            columns = table_columns(line, lines.location());
        else if (columns.empty())
            watch.see(add_triple(builder, line, lines.location()), lines.location());
        else
            add_table_row(builder, columns, line, lines.location());
    }
    watch.tell(builder);
}

static RawQuestion read_tsv_question(DatasetBuilder& builder, std::string_view line, const Location& loc) {
    std::vector<std::string_view> fields = split_fields(line, '\t');
    if (fields.size() < 2) throw loc.error("not a question", "question<TAB>answer<TAB>answer...", "no tab");
    const std::string_view text = builder.keep(fields[0]);
    fields.erase(fields.begin());
    if (fields.size() == 1 && fields[0].empty()) fields.clear();
    return {loc, text, builder.answers(fields, loc)};
}

static void add_questions(DatasetBuilder& builder, const QuestionSources& questions, const ImportOptions& options) {
    for_each_line(questions, options, [&](const char* split, std::string_view line, const Location& loc) {
        RawQuestion question = loc.source->name.ends_with(".jsonl") ? read_json_question(builder, line, loc, false)
                                                                    : read_tsv_question(builder, line, loc);
        for (const Token answer : question.answers) require_no_marks(builder.vocabulary().text(answer), loc);
        builder.add_question(split, std::move(question));
    });
}

QaDataset kb_from(const std::vector<Source>& facts, const std::optional<Source>& template_source,
                  const TemplateOptions& templates, const QuestionSources& questions, const ImportOptions& options) {
    DatasetBuilder builder(options);
    for (const Source& source : facts) add_facts(builder, source, options);
    if (template_source) add_template_questions(builder, *template_source, templates, options);
    add_questions(builder, questions, options);
    return builder.finish();
}

// Templates have three columns too, so a wildcard on the command line may list them among the facts.
static void require_no_templates(const std::filesystem::path& facts, const std::filesystem::path& templates) {
    std::error_code missing;
    if (!templates.empty() && std::filesystem::equivalent(facts, templates, missing))
        throw usage_error("a file of facts is the file of templates", "facts", {}, facts.string(),
                          "name the files of facts without it");
}

QaDataset import_kb(const std::vector<std::filesystem::path>& facts, const TemplateOptions& templates,
                    const ImportOptions& options) {
    require_template_options(templates);
    const QuestionSources questions = read_question_sources(options);
    for (const std::filesystem::path& path : facts) require_no_templates(path, templates.file);
    const std::vector<Source> sources = read_sources(facts, "a file of facts");
    if (sources.empty()) throw usage_error("a file is missing", "a file of facts");
    return kb_from(sources, read_source(templates.file), templates, questions, options);
}

}  // namespace kvmem
