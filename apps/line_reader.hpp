// Lines that a person types: with editing and history where there is a terminal and libedit, otherwise as they come.
#pragma once

#include <optional>
#include <string>

namespace kvmem::apps {

class LineReader {
  public:
    // History is read from and written to ~/.kvmem_history, if that can be done.
    explicit LineReader(std::string prompt);
    ~LineReader();
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;

    std::optional<std::string> next();  // without the line's end; nothing at the end of input

  private:
    std::string prompt_;
    std::string history_file_;
    bool editing_;
};

}  // namespace kvmem::apps
