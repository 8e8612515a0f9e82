// Text files as importers read them: whole, line by line, with errors that name the line.
//
// Importers work on Sources rather than on paths, so that they can be tested on texts from memory.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/qa/import.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

struct Source {
    std::string name;  // for messages
    std::string text;
};

// The file, or nothing for an empty path. Throws Error that names the file.
std::optional<Source> read_source(const std::filesystem::path& path);

// The same for a file that there must be; `what` says what it holds. Throws Error.
Source read_needed_source(const std::filesystem::path& path, const std::string& what);

// The same for several.
std::vector<Source> read_sources(const std::vector<std::filesystem::path>& paths, const std::string& what);

struct QuestionSources {
    std::vector<Source> train, valid, test;
};

// Throws UsageError for a fraction for validation that cannot be, or beside a file for it.
void require_valid_fraction(const ImportOptions& options);

// Checks the options (UsageError) before it reads the files of questions.
QuestionSources read_question_sources(const ImportOptions& options);

// A line of a source, which must outlive it.
struct Location {
    const Source* source = nullptr;
    Index line = 0;

    Error error(std::string what, std::string expected = {}, std::string got = {}, std::string hint = {}) const;
};

// The lines of a source (TextLines), blank ones left out.
class LineReader {
  public:
    // Both must outlive the reader. Throws Error for a source in which nothing is written, and for one in UTF-16.
    LineReader(const Source& source, const ImportOptions& options);

    // The next line that is not blank, or false at the end. Throws Error for a line that is not text or is
    // longer than 1 MiB.
    bool next(std::string_view& line);

    Location location() const { return {source_, lines_.number()}; }

  private:
    const Source* source_;
    const ImportOptions* options_;
    TextLines lines_;
};

std::string_view trim(std::string_view text);

// The parts between separators, trimmed.
std::vector<std::string_view> split_fields(std::string_view line, char separator);

// "1 field", "2 fields": what came instead, for errors.
std::string counted_fields(std::size_t count);

// Throws Error unless `name`, which is a `what`, can stand as a name: not empty, no control characters
// (control_character_at).
void require_name(std::string_view name, const std::string& what, const Location& loc);

}  // namespace kvmem
