// Lines of standard input. LineReader adds editing and history on a terminal, if libedit is there.
#pragma once

#include "kvmem/core/types.hpp"

#include <optional>
#include <string>

namespace kvmem::apps {

// Buffers standard input: nothing else may read from it.
class InputLines {
  public:
    // Sets `line` to the next line, or returns false at the end of input. Lines end as in TextLines, and a byte order
    // mark is skipped. Throws Error for input in UTF-16, for a line of more than 16 MiB, without reading much more of
    // it, and for input that cannot be read.
    bool next(std::string& line);

    // Whether next() would begin without waiting: bytes or the end of the input are there.
    bool ready() const;

    std::string place() const { return "stdin:" + std::to_string(number_); }

  private:
    bool fill();

    std::string buffer_;
    std::size_t at_ = 0;  // position in the buffer
    Index number_ = 0;
    bool newline_may_follow_ = false;  // The last line ended with "\r", which may be half of its end.
};

class LineReader {
  public:
    // Reads the history from ~/.kvmem_history; the destructor writes it. Ignores errors of either.
    explicit LineReader(std::string prompt);
    ~LineReader();
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;

    std::optional<std::string> next();  // The next line, or nothing at the end of input. Throws as InputLines does.
    std::string place() const { return lines_.place(); }  // of the line that next() returned

  private:
    InputLines lines_;
    std::string prompt_;
    std::string history_file_;
    bool editing_;
};

}  // namespace kvmem::apps
