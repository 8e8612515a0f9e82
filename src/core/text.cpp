#include "kvmem/core/text.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cstdio>

namespace kvmem {

static unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// Length of the valid character at `at`, or 0 (Unicode 15, table 3-7).
static std::size_t valid_character(std::string_view text, std::size_t at) {
    const unsigned lead = byte_at(text, at);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (at + bytes > text.size()) return 0;
    const unsigned second = byte_at(text, at + 1);
    const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;   // no overlong forms
    const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;  // no surrogates, nothing past U+10FFFF
    if (second < low || second > high) return 0;
    for (std::size_t i = 2; i < bytes; ++i)
        if ((byte_at(text, at + i) & 0xc0u) != 0x80u) return 0;
    return bytes;
}

std::size_t invalid_utf8_at(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t bytes = valid_character(text, at);
        if (bytes == 0) return at;
        at += bytes;
    }
    return std::string_view::npos;
}

// The code point at `at` if it is a control character, otherwise -1. None has more than three bytes.
static int control_character(std::string_view text, std::size_t at) {
    const unsigned lead = byte_at(text, at);
    if (lead < 0x20 || lead == 0x7f) return static_cast<int>(lead);
    if (lead == 0xc2 && at + 1 < text.size() && byte_at(text, at + 1) < 0xa0)
        return static_cast<int>(byte_at(text, at + 1));
    if (lead != 0xe2 || at + 2 >= text.size()) return -1;
    const unsigned c = 0x2000u | (byte_at(text, at + 1) & 0x3fu) << 6 | (byte_at(text, at + 2) & 0x3fu);
    const bool obeyed = (0x2028 <= c && c <= 0x202e) || (0x2066 <= c && c <= 0x2069);
    return obeyed ? static_cast<int>(c) : -1;
}

std::size_t control_character_at(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool plain = byte_at(text, at) - 0x20u < 0x5fu;
        if (!plain && control_character(text, at) >= 0) return at;
    }
    return std::string_view::npos;
}

std::string as_utf8(std::string_view bytes) {
    std::string text;
    for (;;) {
        const std::size_t bad = invalid_utf8_at(bytes);
        text += bytes.substr(0, bad);
        if (bad == std::string_view::npos) return text;
        text += "\ufffd";
        bytes.remove_prefix(bad + 1);
    }
}

std::string printable(std::string_view bytes) {
    if (invalid_utf8_at(bytes) == std::string_view::npos && control_character_at(bytes) == std::string_view::npos)
        return std::string(bytes);  // the usual case
    const std::string text = as_utf8(bytes);
    std::string safe;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const int control = control_character(text, at);
        if (control < 0) {
            safe += text[at];
            continue;
        }
        char escape[16];
        std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(control));
        safe += escape;
        at += control < 0x80 ? 0 : control < 0x800 ? 1 : 2;
    }
    return safe;
}

std::string_view without_byte_order_mark(std::string_view text, const std::string& where) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        throw Error({.what = "the text is in UTF-16",
                     .expected = "UTF-8",
                     .got = "the byte order mark of UTF-16",
                     .where = where,
                     .hint = "save it as UTF-8"});
    constexpr std::string_view mark = "\ufeff";
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    return text;
}

bool TextLines::next(std::string_view& line) {
    if (at_ >= text_.size()) return false;
    if (number_++ == 0 || newline_ < at_) newline_ = std::min(text_.find('\n', at_), text_.size());
    line = text_.substr(at_, newline_ - at_);
    at_ = newline_ + 1;
    const std::size_t end = line.find('\r');
    if (end == std::string_view::npos) return true;
    const bool before_newline = end + 1 == line.size();
    if (!before_newline) at_ -= line.size() - end;
    line = line.substr(0, end);
    return true;
}

}  // namespace kvmem
