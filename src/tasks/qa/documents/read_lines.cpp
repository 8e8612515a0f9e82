// Layouts of lines: TSV, JSON lines and WikiMovies.
#include "io/strict_json.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/io/json_text.hpp"
#include "tasks/qa/documents/json_literal.hpp"
#include "tasks/qa/documents/readers.hpp"

#include <algorithm>

namespace kvmem::documents {

// Calls use(line, number) for each line that is not blank.
template <class Use>
static void for_each_line(const Builder& builder, Use use) {
    TextLines lines(builder.text(), {});
    for (std::string_view line; lines.next(line);)
        if (!trim(line).empty()) use(line, lines.number());
}

void read_tsv(Builder& builder, const std::string& where) {
    std::size_t title = 0, text = std::string_view::npos;  // columns; npos: the last one
    for_each_line(builder, [&](std::string_view line, Index number) {
        const std::vector<std::string_view> fields = split_fields(line, '\t');
        if (number == 1) {
            const auto find = [&](const char* name) { return std::ranges::find(fields, name) - fields.begin(); };
            const auto names_title = find("title"), names_text = find("text");
            if (names_title < std::ssize(fields) && names_text < std::ssize(fields)) {
                title = names_title, text = names_text;
                return;
            }
        }
        const std::size_t column = text == line.npos ? fields.size() - 1 : text;
        if (fields.size() < 2 || title >= fields.size() || column >= fields.size())
            throw error_in(where + ":" + std::to_string(number), "the line is no document", "title<TAB>text",
                           counted_fields(fields.size()));
        builder.begin_document(fields[title]);
        builder.passage(PassageKind::text, mapped(fields[column], builder.text()));
    });
}

void read_jsonl(Builder& builder, const std::string& where) {
    const Source source{where, {}};
    for_each_line(builder, [&](std::string_view line, Index number) {
        const Location location{&source, number};
        const boost::json::value value = parse_line(line, location);
        const boost::json::object* object = value.if_object();
        const boost::json::value* text = object ? object->if_contains("text") : nullptr;
        if (!text || !text->is_string())
            throw location.error("the line is no document", R"({"title": ..., "text": ...})");
        const boost::json::value* title = object->if_contains("title");
        builder.begin_document(title && title->is_string() ? std::string_view(title->get_string()) : "");
        read_text(builder, unescaped(member_text(line, "text"), builder.text()));
    });
}

void read_wikimovies(Builder& builder, const std::string& where) {
    MappedText current;
    const auto flush = [&] {
        if (!current.text.empty()) builder.passage(PassageKind::text, current);
        current.clear();
    };
    for_each_line(builder, [&](std::string_view line, Index number) {
        const std::size_t space = line.find(' ');
        const auto count = number_of<std::int32_t>(line.substr(0, space));
        if (!count || space == line.npos)
            throw error_in(where + ":" + std::to_string(number), "the line is no sentence", "NUMBER TEXT");
        const std::string_view text = trim(line.substr(space));
        const Index at = text.data() - builder.text().data();
        if (*count != 1) {
            current.append(text, at);
            return current.append("\n", Range{at + std::ssize(text), at + std::ssize(text)});
        }
        flush();
        builder.begin_document(text);
    });
    flush();
}

}  // namespace kvmem::documents
