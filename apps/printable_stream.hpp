// What keeps texts of others from doing to a terminal, or to whoever reads the output, more than being read.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace kvmem::apps {

// While it lives, lines that are written to a stream go through printable(). Line ends and tabs are the writer's:
// who writes a text that may hold some, and is not JSON, gives it to printable() before.
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
