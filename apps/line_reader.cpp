#include "line_reader.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

#ifdef KVMEM_HAVE_EDITLINE
#include <editline/readline.h>
#endif

namespace kvmem::apps {

#ifdef KVMEM_HAVE_EDITLINE
static constexpr bool have_editing = true;
static constexpr int history_length = 1000;

static void open_history(const std::string& file) {
    ::using_history();
    ::stifle_history(history_length);
    if (!file.empty()) ::read_history(file.c_str());
}
static void save_history(const std::string& file) {
    if (!file.empty()) ::write_history(file.c_str());
}
static std::optional<std::string> edited_line(const std::string& prompt) {
    const std::unique_ptr<char, void (*)(void*)> line(::readline(prompt.c_str()), std::free);
    if (!line) return {};
    if (*line) ::add_history(line.get());
    return std::string(line.get());
}
#else
static constexpr bool have_editing = false;
static void open_history(const std::string&) {}
static void save_history(const std::string&) {}
static std::optional<std::string> edited_line(const std::string&) { return {}; }
#endif

// Reads what standard input has, and waits only if it has nothing. Returns false at its end.
bool InputLines::fill() {
    constexpr std::size_t capacity = std::size_t{1} << 16;
    buffer_.resize(capacity);
    ssize_t size = 0;
    do size = ::read(STDIN_FILENO, buffer_.data(), capacity);
    while (size < 0 && errno == EINTR);
    if (size < 0) throw Error({.what = "cannot read standard input", .where = place()});
    buffer_.resize(size);
    at_ = 0;
    return size > 0;
}

bool InputLines::ready() const {
    const std::size_t at = at_ + (newline_may_follow_ && at_ < buffer_.size() && buffer_[at_] == '\n');
    return buffer_.find_first_of("\r\n", at) != std::string::npos;
}

// Returns a line as soon as it has ended. So a "\n" behind "\r" is skipped at the next call: it may not be there yet.
bool InputLines::next(std::string& line) {
    constexpr std::size_t max_bytes = std::size_t{16} << 20;
    std::cout.flush();  // a caller that sends one question at a time waits for its answer
    line.clear();
    ++number_;
    bool has_line = false, has_ended = false;
    while (!has_ended && (at_ < buffer_.size() || fill())) {
        if (std::exchange(newline_may_follow_, false) && buffer_[at_] == '\n') {
            ++at_;
            continue;
        }
        const auto begin = buffer_.begin() + at_;
        const auto end = std::find_if(begin, buffer_.end(), [](char c) { return c == '\n' || c == '\r'; });
        if (line.size() + (end - begin) > max_bytes)
            throw Error(
                {.what = "the line is too long", .expected = "at most 16 MiB", .got = "more", .where = place()});
        line.append(begin, end);
        has_line = true;
        has_ended = end != buffer_.end();
        newline_may_follow_ = has_ended && *end == '\r';
        at_ = end - buffer_.begin() + has_ended;
    }
    if (number_ == 1) line.erase(0, line.size() - without_byte_order_mark(line, place()).size());
    return has_line;
}

LineReader::LineReader(std::string prompt)
    : prompt_(std::move(prompt)), editing_(have_editing && ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)) {
    if (const char* home = std::getenv("HOME")) history_file_ = std::string(home) + "/.kvmem_history";
    if (editing_) open_history(history_file_);
}

LineReader::~LineReader() {
    if (editing_) save_history(history_file_);
}

std::optional<std::string> LineReader::next() {
    if (editing_) return edited_line(prompt_);
    if (::isatty(STDIN_FILENO)) std::cerr << prompt_ << std::flush;
    std::string line;
    if (!lines_.next(line)) return {};
    return line;
}

}  // namespace kvmem::apps
