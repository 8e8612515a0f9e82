// Text files as importers read them: whole, then line by line, with errors that name the line.
//
// Importers work on Sources instead of paths, so that tests can give them texts from memory.
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

// The file's text, or nothing for an empty path. Throws Error that names the file.
std::optional<Source> read_source(const std::filesystem::path& path);

// The text of a file that must be given; `what` says in the UsageError for an empty path what it holds. Throws Error.
Source read_needed_source(const std::filesystem::path& path, const std::string& what);

// The texts of several such files, in their order. Throws as read_needed_source() does.
std::vector<Source> read_sources(const std::vector<std::filesystem::path>& paths, const std::string& what);

struct QuestionSources {
    std::vector<Source> train, valid, test;
};

// Throws UsageError for a validation fraction that is not in (0, 1), and for one beside validation files.
void require_valid_fraction(const ImportOptions& options);

// The files of questions. Throws UsageError for wrong options before it reads anything, and Error for files.
QuestionSources read_question_sources(const ImportOptions& options);

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

// The lines of a source (TextLines) without the blank ones.
class LineReader {
  public:
    // Source and options must outlive the reader. Throws Error for a blank source, and for one in UTF-16.
    LineReader(const Source& source, const ImportOptions& options);

    // Gives the next line, valid as long as the source, or returns false at the end. Throws Error for a line that is
    // no UTF-8 text or longer than 1 MiB.
    bool next(std::string_view& line);

    Location location() const { return {source_, lines_.number()}; }

  private:
    const Source* source_;
    const ImportOptions* options_;
    TextLines lines_;
};

// Calls use(line, location) for each line that LineReader gives.
template <class Use>
void for_each_line(const Source& source, const ImportOptions& options, Use use) {
    LineReader lines(source, options);
    for (std::string_view line; lines.next(line);) use(line, lines.location());
}

// Calls use(split, line, location) for each line, split by split.
template <class Use>
void for_each_line(const QuestionSources& questions, const ImportOptions& options, Use use) {
    const auto read = [&](const char* split, const std::vector<Source>& sources) {
        for (const Source& source : sources)
            for_each_line(source, options, [&](std::string_view line, const Location& loc) { use(split, line, loc); });
    };
    read("train", questions.train);
    read("valid", questions.valid);
    read("test", questions.test);
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
