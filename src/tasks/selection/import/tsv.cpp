// Lines of a question, a sentence and a label.
#include "tasks/selection/import/sources.hpp"

#include <algorithm>
#include <optional>

namespace kvmem {

namespace {

// The places of the columns, and their number.
struct Columns {
    std::size_t count = 3, question = 0, sentence = 1, label = 2;
    std::optional<std::size_t> id{}, title{}, heading{};
};

}  // namespace

// The columns that a first line names, or nothing for a line of data.
static std::optional<Columns> named_columns(std::string_view line) {
    const std::vector<std::string_view> names = split_fields(line, '\t');
    const auto place = [&](std::string_view name) -> std::optional<std::size_t> {
        const auto at = std::ranges::find(names, name);
        return at == names.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - names.begin()));
    };
    const auto question = place("Question"), sentence = place("Sentence"), label = place("Label");
    if (!question || !sentence || !label) return std::nullopt;
    return Columns{names.size(),           *question,       *sentence, *label, place("QuestionID"),
                   place("DocumentTitle"), place("Heading")};
}

static void add_line(std::string_view line, const Columns& columns, const Location& location,
                     std::vector<SelectionQuestion>& questions) {
    const auto fields = split_fields(line, '\t', columns.count, location, "a line has the wrong number of fields",
                                     "question, sentence and label with tabs between them");
    const auto field = [&](std::optional<std::size_t> at) { return std::string(at ? fields[*at] : ""); };
    const std::string_view label = fields[columns.label];
    if (label != "0" && label != "1")
        throw location.error("a label is wrong", "0 or 1", "'" + std::string(label) + "'");
    for (const std::size_t at : {columns.question, columns.sentence})
        if (fields[at].empty()) throw location.error("a question or sentence is empty", "a text");
    const std::string id = field(columns.id), text = field(columns.question);
    if (questions.empty() || questions.back().text != text || (columns.id && questions.back().id != id))
        questions.push_back({.id = columns.id ? id : std::to_string(questions.size() + 1),
                             .text = text,
                             .title = field(columns.title),
                             .heading = field(columns.heading)});
    questions.back().sentences.push_back(field(columns.sentence));
    questions.back().right.push_back(label == "1");
}

std::vector<SelectionQuestion> questions_from_tsv(const Source& source, const SentencesImport& import) {
    std::vector<SelectionQuestion> questions;
    std::optional<Columns> columns;
    LineReader lines(source, import.progress);
    for_each_good_line(lines, import.on_bad_line, [&](LineReader& reader) {
        std::string_view line;
        if (!reader.next(line)) return false;
        const bool is_first = !columns;
        if (is_first) {
            columns = named_columns(line);
            if (columns) return true;
            columns = Columns{};
        }
        add_line(line, *columns, reader.location(), questions);
        return true;
    });
    return questions;
}

}  // namespace kvmem
