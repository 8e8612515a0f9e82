// A filter for the program's output, so that control characters in foreign texts never reach a terminal.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace kvmem::apps {

// While an object exists, lines that are written to its stream go through printable(). Line ends and tabs pass, so the
// writer must call printable() for foreign texts that are not JSON.
class PrintableStream : private std::streambuf {
  public:
    explicit PrintableStream(std::ostream& stream) : stream_(stream), below_(stream.rdbuf(this)) {}
    ~PrintableStream() override;
    PrintableStream(const PrintableStream&) = delete;
    PrintableStream& operator=(const PrintableStream&) = delete;

  private:
    int_type overflow(int_type character) override;
    std::streamsize xsputn(const char* text, std::streamsize size) override;
    int sync() override;
    bool write_line();

    std::ostream& stream_;
    std::streambuf* below_;
    std::string line_;  // the part of a line that is not written yet
};

}  // namespace kvmem::apps
