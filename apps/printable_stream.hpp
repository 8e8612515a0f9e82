// A filter of the program's output: control characters in foreign texts never reach a terminal.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace kvmem::apps {

// While it lives, lines that are written to a stream go through printable(). Line ends and tabs are the writer's:
// a foreign text that is no JSON must go through printable() before it is written.
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
    std::string line_;  // so far
};

}  // namespace kvmem::apps
