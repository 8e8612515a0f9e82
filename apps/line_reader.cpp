#include "line_reader.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>

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

// A line is given as soon as it has ended: what follows "\r" is looked at when the next one is asked for.
bool InputLines::next(std::string& line) {
    constexpr std::size_t longest = std::size_t{16} << 20;
    constexpr auto end = std::streambuf::traits_type::eof();
    std::cout.flush();  // a caller that sends one question at a time waits for its answer
    std::streambuf& in = *std::cin.rdbuf();
    line.clear();
    ++number_;
    auto c = in.sbumpc();
    if (c == '\n' && newline_may_follow_) c = in.sbumpc();
    const bool some = c != end;
    for (; c != end && c != '\n' && c != '\r'; c = in.sbumpc()) {
        if (line.size() == longest)
            throw Error(
                {.what = "the line is too long", .expected = "at most 16 MiB", .got = "more", .where = place()});
        line += static_cast<char>(c);
    }
    newline_may_follow_ = c == '\r';
    if (std::ferror(stdin)) throw Error({.what = "cannot read standard input", .where = place()});
    if (number_ == 1) line.erase(0, line.size() - without_byte_order_mark(line, place()).size());
    return some;
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
