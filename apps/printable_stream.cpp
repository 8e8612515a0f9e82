#include "printable_stream.hpp"

#include "kvmem/core/text.hpp"

#include <string_view>

namespace kvmem::apps {

PrintableStream::~PrintableStream() {
    PrintableStream::sync();
    stream_.rdbuf(below_);
}

bool PrintableStream::write_line() {
    const std::string safe = printable(line_);
    line_.clear();
    return below_->sputn(safe.data(), static_cast<std::streamsize>(safe.size())) == std::ssize(safe);
}

std::streamsize PrintableStream::xsputn(const char* text, std::streamsize size) {
    std::string_view rest(text, size);
    for (std::size_t end; (end = rest.find_first_of("\n\t")) != std::string_view::npos; rest.remove_prefix(end + 1)) {
        line_ += rest.substr(0, end);
        if (!write_line() || below_->sputc(rest[end]) == traits_type::eof()) return 0;
    }
    line_ += rest;
    return size;
}

PrintableStream::int_type PrintableStream::overflow(int_type character) {
    const char c = traits_type::to_char_type(character);
    return xsputn(&c, 1) == 1 ? character : traits_type::eof();
}

int PrintableStream::sync() { return write_line() ? below_->pubsync() : -1; }

}  // namespace kvmem::apps
