#include "io/table.hpp"

#include "io/strict_json.hpp"
#include "kvmem/io/json_text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kvmem {

namespace json = boost::json;

TableForm table_form_of(std::string_view name) {
    for (const std::string_view ending : {".tsv", ".tab", ".inter", ".item", ".user"})
        if (name.ends_with(ending)) return {.separator = '\t', .quoted = false};
    for (const std::string_view ending : {".jsonl", ".json", ".ndjson"})
        if (name.ends_with(ending)) return {.separator = '\0', .quoted = false};
    return {};
}

TableReader::TableReader(const Source& source, TableForm form, const LineProgress& progress)
    : form_(form), lines_(source, progress) {
    if (form_.separator != '\0') read_header();
}

void TableReader::read_header() {
    std::string_view line;
    lines_.next(line);
    location_ = lines_.location();
    split(line);
    header_is_row_ = !form_.header;
    names_ = fields_;
    if (form_.header) return require_separator();
    for (std::size_t i = 0; i < names_.size(); ++i) names_[i] = std::to_string(i + 1);
}

void TableReader::require_separator() const {
    if (names_.size() > 1) return;
    static constexpr std::pair<char, const char*> separators[] = {
        {',', "a comma"}, {';', "a semicolon"}, {'\t', "a tab"}, {'|', "a bar"}};
    const auto name_of = [](char separator) {
        const auto known = std::ranges::find(separators, separator, &std::pair<char, const char*>::first);
        return known == std::end(separators) ? "'" + std::string(1, separator) + "'" : known->second;
    };
    for (const auto& [separator, name] : separators)
        if (separator != form_.separator && names_.front().find(separator) != std::string::npos)
            throw location_.error("the header is of one column", name_of(form_.separator) + " between columns",
                                  std::string(name) + " in it",
                                  "name the separator, or write the table with commas as *.csv or with tabs as *.tsv");
}

std::size_t TableReader::column(const std::string& name) {
    const auto at = std::ranges::find(names_, name);
    const auto number = static_cast<std::size_t>(at - names_.begin());
    if (at == names_.end() && form_.separator == '\0') {
        names_.push_back(name);
        fields_.emplace_back();
        return number;
    }
    if (std::ranges::count(names_, name) == 1) return number;
    std::string all;
    for (const std::string& other : names_) all += (all.empty() ? "" : ", ") + other;
    throw location_.error(at == names_.end() ? "the table has no such column" : "the table has this column twice",
                          "one of " + all, "'" + name + "'");
}

bool TableReader::next() {
    if (header_is_row_) {
        header_is_row_ = false;
        return true;
    }
    std::string_view line;
    if (!lines_.next(line)) return false;
    location_ = lines_.location();
    if (form_.separator == '\0') {
        read_json(line);
        return true;
    }
    split(line);
    if (fields_.size() != names_.size()) {
        const std::string got = counted_fields(fields_.size());
        fields_.resize(names_.size());
        throw location_.error("the row does not fit the table", counted_fields(names_.size()), got);
    }
    return true;
}

void TableReader::split(std::string_view line) {
    std::size_t count = 0;
    for (bool more = true; more;) {
        if (fields_.size() == count) fields_.emplace_back();
        std::string& field = fields_[count++];
        if (form_.quoted && line.starts_with('"')) {
            read_quoted(line, field);
        } else {
            const std::size_t end = std::min(line.find(form_.separator), line.size());
            field = line.substr(0, end);
            if (form_.quoted && field.find('"') != std::string::npos)
                throw location_.error("a quote is inside of a field",
                                      "fields that are quoted as a whole, or not at all",
                                      "field " + std::to_string(count));
            line.remove_prefix(end);
        }
        more = line.starts_with(form_.separator);
        if (more) line.remove_prefix(1);
    }
    fields_.resize(count);
}

// Reads a field in quotes, maybe over several lines. `rest` becomes what follows it.
void TableReader::read_quoted(std::string_view& rest, std::string& field) {
    field.clear();
    rest.remove_prefix(1);
    for (;;) {
        const std::size_t end = std::min(rest.find('"'), rest.size());
        field += rest.substr(0, end);
        if (field.size() > max_line_bytes)
            throw location_.error("a quoted field is too long", "at most 1 MiB", "more", "does a quote end it?");
        if (end == rest.size()) {
            if (!lines_.next_or_blank(rest)) throw location_.error("a quoted field does not end", "a quote", "none");
            field += '\n';
            continue;
        }
        rest.remove_prefix(end + 1);
        if (!rest.starts_with('"')) break;
        field += '"';
        rest.remove_prefix(1);
    }
    if (!rest.empty() && !rest.starts_with(form_.separator))
        throw location_.error("text follows a quoted field", "a separator or the end of the line",
                              "'" + std::string(rest.substr(0, 20)) + "'");
}

// The text of a value: that of its elements for a list of them, at any depth.
static void add_text(std::string& text, const json::value& value, std::string_view written) {
    const auto add = [&text](std::string_view part) { text.append(text.empty() ? "" : "|").append(part); };
    if (const auto* list = value.if_array()) {
        for (const json::value& element : *list) add_text(text, element, {});
    } else if (const auto* string = value.if_string()) {
        add(*string);
    } else if (value.is_number() || value.is_bool()) {
        add(written.empty() ? with_plain_numbers(json::serialize(value)) : std::string(written));
    }
}

void TableReader::read_json(std::string_view line) {
    const json::value row = parse_line(line, location_);
    const json::object* object = row.if_object();
    if (!object) throw location_.error("the line is no object of JSON", "an object in braces");
    for (std::size_t i = 0; i < names_.size(); ++i) {
        fields_[i].clear();
        const json::value* value = object->if_contains(names_[i]);
        if (value) add_text(fields_[i], *value, value->is_number() ? member_text(line, names_[i]) : std::string_view());
    }
}

}  // namespace kvmem
