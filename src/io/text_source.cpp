#include "io/text_source.hpp"

#include "kvmem/core/file.hpp"

#include <algorithm>

namespace kvmem {

static constexpr Index lines_between_reports = 8192;

std::optional<Source> read_source(const std::filesystem::path& path) {
    if (path.empty()) return std::nullopt;
    if (path == "-") return Source{"stdin", read_standard_input()};
    return Source{path.string(), read_file(path)};
}

Source read_needed_source(const std::filesystem::path& path, const std::string& what) {
    if (path.empty()) throw usage_error("a file is missing", what);
    return *read_source(path);
}

std::vector<Source> read_sources(const std::vector<std::filesystem::path>& paths, const std::string& what) {
    std::vector<Source> sources;
    sources.reserve(paths.size());
    for (const std::filesystem::path& path : paths) sources.push_back(read_needed_source(path, what));
    return sources;
}

void require_valid_fraction(double fraction, bool has_valid_files, const std::string& what) {
    if (fraction == 0) return;
    if (!(fraction > 0 && fraction < 1))
        throw usage_error("no such fraction for validation", "a number between 0 and 1", std::to_string(fraction));
    if (has_valid_files)
        throw usage_error("validation " + what + " are asked for twice",
                          "a file of them or a fraction of the training " + what, "both");
}

Error error_in(std::string where, std::string what, std::string expected, std::string got, std::string hint) {
    return Error({std::move(what), std::move(expected), std::move(got), std::move(where), std::move(hint)});
}

UsageError usage_error(std::string what, std::string expected, std::string got, std::string where, std::string hint) {
    return UsageError({std::move(what), std::move(expected), std::move(got), std::move(where), std::move(hint)});
}

Error Location::error(std::string what, std::string expected, std::string got, std::string hint) const {
    return error_in(source->name + ":" + std::to_string(line), std::move(what), std::move(expected), std::move(got),
                    std::move(hint));
}

LineReader::LineReader(const Source& source, const LineProgress& progress, std::size_t max_bytes)
    : source_(&source), progress_(&progress), max_bytes_(max_bytes), lines_(source.text, source.name) {
    if (source.text.find_first_not_of(" \t\r\n", source.text.starts_with("\ufeff") ? 3 : 0) == std::string::npos)
        throw error_in(source.name, "the file is empty");
}

// "1 MiB", "64 KiB"
static std::string size_text(std::size_t bytes) {
    const std::size_t kib = bytes >> 10;
    return kib % 1024 == 0 ? std::to_string(kib >> 10) + " MiB" : std::to_string(kib) + " KiB";
}

bool LineReader::next_or_blank(std::string_view& line) {
    if (!lines_.next(line)) {
        if (*progress_) (*progress_)(source_->name, lines_.number());
        return false;
    }
    if (*progress_ && lines_.number() % lines_between_reports == 0) (*progress_)(source_->name, lines_.number());
    if (line.size() > max_bytes_)
        throw location().error("the line is too long", "at most " + size_text(max_bytes_),
                               std::to_string(line.size()) + " bytes");
    if (line.find('\0') != std::string_view::npos)
        throw location().error("the line is not text", {}, "a NUL byte", "is this the right file?");
    if (const std::size_t bad = invalid_utf8_at(line); bad != std::string_view::npos)
        throw location().error("the line is not valid UTF-8", {}, "a stray byte at position " + std::to_string(bad));
    return true;
}

bool LineReader::next(std::string_view& line) {
    while (next_or_blank(line))
        if (!trim(line).empty()) return true;
    return false;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

std::vector<std::string_view> split_fields(std::string_view line, char separator) {
    std::vector<std::string_view> fields;
    for (std::size_t begin = 0; begin <= line.size();) {
        const std::size_t end = std::min(line.find(separator, begin), line.size());
        fields.push_back(trim(line.substr(begin, end - begin)));
        begin = end + 1;
    }
    return fields;
}

std::vector<std::string_view> split_fields(std::string_view line, char separator, std::size_t count,
                                           const Location& loc, const char* what, const char* expected) {
    std::vector<std::string_view> fields = split_fields(line, separator);
    if (fields.size() != count) throw loc.error(what, expected, counted_fields(fields.size()));
    return fields;
}

std::string counted_fields(std::size_t count) { return std::to_string(count) + (count == 1 ? " field" : " fields"); }

void require_name(std::string_view name, const std::string& what, const Location& loc) {
    if (name.empty()) throw loc.error("a name is empty", what, "nothing");
    if (const std::size_t at = control_character_at(name); at != std::string_view::npos)
        throw loc.error("a name holds a control character", what, "one at position " + std::to_string(at));
}

}  // namespace kvmem
