// Lines of standard input, and lines that a person types: with editing and history where there is a terminal and
// libedit, otherwise as they come.
#pragma once

#include "kvmem/core/types.hpp"

#include <optional>
#include <string>

namespace kvmem::apps {

class InputLines {
  public:
    // The next line, which ends as TextLines has it, or false at the end of standard input. A byte order mark is
    // skipped. Throws Error for input in UTF-16, for a line of more than 16 MiB, without having read much more, and
    // when input ends because it cannot be read.
    bool next(std::string& line);

    std::string place() const { return "stdin:" + std::to_string(number_); }

  private:
    Index number_ = 0;
    bool newline_may_follow_ = false;  // behind "\r": both are one line's end
};

class LineReader {
  public:
    // History is read from and written to ~/.kvmem_history, if that can be done.
    explicit LineReader(std::string prompt);
    ~LineReader();
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;

    std::optional<std::string> next();  // without the line's end; nothing at the end of input; throws as InputLines
    std::string place() const { return lines_.place(); }  // of the line that next() gave

  private:
    InputLines lines_;
    std::string prompt_;
    std::string history_file_;
    bool editing_;
};

}  // namespace kvmem::apps
