// Text files as importers read them: whole, then line by line, with errors that name the line.
//
// Importers work on Sources instead of paths, so that tests can give them texts from memory.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

struct Source {
    std::string name;  // for messages
    std::string text;
};

// The file's text, that of standard input for "-", or nothing for an empty path. Throws Error that names the file.
std::optional<Source> read_source(const std::filesystem::path& path);

// The text of a file that must be given; `what` says in the UsageError for an empty path what it holds. Throws Error.
Source read_needed_source(const std::filesystem::path& path, const std::string& what);

// The texts of several such files, in their order. Throws as read_needed_source() does.
std::vector<Source> read_sources(const std::vector<std::filesystem::path>& paths, const std::string& what);

// Throws UsageError for a validation fraction that is not in (0, 1), and for one beside validation files. `what` says
// of what: "questions".
void require_valid_fraction(double fraction, bool has_valid_files, const std::string& what);

// The parts of a Problem in the order of their use; empty ones are left out of the message.
Error error_in(std::string where, std::string what, std::string expected = {}, std::string got = {},
               std::string hint = {});
UsageError usage_error(std::string what, std::string expected, std::string got = {}, std::string where = {},
                       std::string hint = {});

// The number of a line, from 1, in a source that must outlive it.
struct Location {
    const Source* source = nullptr;
    Index line = 0;

    Error error(std::string what, std::string expected = {}, std::string got = {}, std::string hint = {}) const;
};

// Called at times with the name of a source and the number of its lines that are done.
using LineProgress = std::function<void(const std::string& what, Index lines)>;

inline constexpr std::size_t max_line_bytes = std::size_t{1} << 20;

// The lines of a source (TextLines).
class LineReader {
  public:
    // Source and progress, which may be empty, must outlive the reader. Throws Error for a blank source, and for one in
    // UTF-16.
    LineReader(const Source& source, const LineProgress& progress, std::size_t max_bytes = max_line_bytes);

    // Gives the next line that is not blank, valid as long as the source, or returns false at the end. Throws Error for
    // a line that is no UTF-8 text or too long, behind which the next call goes on.
    bool next(std::string_view& line);
    // The same with blank lines.
    bool next_or_blank(std::string_view& line);

    Location location() const { return {source_, lines_.number()}; }

  private:
    const Source* source_;
    const LineProgress* progress_;
    std::size_t max_bytes_;
    TextLines lines_;
};

// Calls use(line, location) for each line that LineReader::next() gives.
template <class Use>
void for_each_line(const Source& source, const LineProgress& progress, Use use) {
    LineReader lines(source, progress);
    for (std::string_view line; lines.next(line);) use(line, lines.location());
}

// Calls next(lines), which reads a line or a row, until it returns false. With `on_bad_line`, lines that throw Error
// are left out, and it is called with each of their errors.
template <class Lines, class Next>
void for_each_good_line(Lines& lines, const std::function<void(const Error&)>& on_bad_line, Next next) {
    for (bool more = true; more;) {
        try {
            more = next(lines);
        } catch (const Error& bad) {
            if (!on_bad_line) throw;
            on_bad_line(bad);
        }
    }
}

// The text without spaces and tabs around it.
std::string_view trim(std::string_view text);

// The trimmed parts between separators.
std::vector<std::string_view> split_fields(std::string_view line, char separator);
// The same where exactly `count` parts are needed. Throws Error "what: `expected`" for another number of them.
std::vector<std::string_view> split_fields(std::string_view line, char separator, std::size_t count,
                                           const Location& loc, const char* what, const char* expected);

// "1 field", "2 fields": the part `got` of an error.
std::string counted_fields(std::size_t count);

// Throws Error unless `name` is usable: not empty, and without control characters (control_character_at). `what` says
// in the error what it names.
void require_name(std::string_view name, const std::string& what, const Location& loc);

}  // namespace kvmem
