#include "story.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem::apps {

static std::string_view trimmed(std::string_view text) {
    static constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

// Removes and returns the number at the beginning of a line, if a blank follows it.
static std::string_view remove_number(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    if (end == 0 || (end < text.size() && text[end] != ' ')) return {};
    const std::string_view number = text.substr(0, end);
    text = trimmed(text.substr(end));
    return number;
}

void Story::require_words(std::string_view text) const {
    if (linker_.parts(text).empty())
        throw Error({.what = "a line without words",
                     .expected = "a sentence or a question",
                     .got = std::string(text.substr(0, 40))});
}

std::optional<std::string> Story::add_line(std::string_view line) {
    std::string_view text = trimmed(line);
    if (text.empty() || text == "/new") {
        ended_ = true;
        return {};
    }
    if (text.front() == '/')
        throw Error({.what = "no such command", .expected = "/new", .got = std::string(text.substr(0, 40))});
    const bool begins = remove_number(text) == "1" || ended_;
    const std::size_t tab = text.find('\t');
    const bool question = tab != std::string_view::npos || text.ends_with('?');
    text = trimmed(text.substr(0, tab));
    require_words(text);
    if (question && begins)
        throw Error({.what = "a question before any sentence of the story",
                     .expected = "a sentence first",
                     .got = std::string(text.substr(0, 40))});
    if (question) return std::string(text);
    if (begins) sentences_.clear();
    ended_ = false;
    sentences_.push_back({std::string(text)});
    return {};
}

}  // namespace kvmem::apps
