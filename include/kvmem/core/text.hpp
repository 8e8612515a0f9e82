// Text from outside: whether it is UTF-8, where its lines end, how it is shown.
#pragma once

#include "kvmem/core/types.hpp"

#include <string>
#include <string_view>

namespace kvmem {

// Whether it is one of 0 to 9, in any locale.
[[nodiscard]] constexpr bool is_digit(char c) { return '0' <= c && c <= '9'; }

// Position of the first byte that is not valid UTF-8, or npos.
[[nodiscard]] std::size_t invalid_utf8_at(std::string_view text);

// Position of the first character that a terminal or an editor obeys instead of showing it, or npos: controls (C0, DEL,
// C1), separators of lines and paragraphs (U+2028, U+2029), and controls of the writing direction (U+202A to U+202E,
// U+2066 to U+2069).
[[nodiscard]] std::size_t control_character_at(std::string_view text);

// Valid UTF-8: each byte that is no part of a character becomes U+FFFD.
[[nodiscard]] std::string as_utf8(std::string_view bytes);

// One line that can be shown anywhere: as_utf8() with control characters written as "\u001b", as JSON writes them.
[[nodiscard]] std::string printable(std::string_view bytes);

// The text without the byte order mark that it may begin with. Throws Error with `where` for the mark of UTF-16.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text, const std::string& where);

// The lines of a text without their ends: "\n", "\r\n" or "\r". The text must outlive the object and its lines.
class TextLines {
  public:
    // A byte order mark is skipped. Throws Error with `where` for a text in UTF-16.
    TextLines(std::string_view text, const std::string& where) : text_(without_byte_order_mark(text, where)) {}

    // Sets `line` to the next line, or returns false at the end. An empty rest behind the last line's end is no line.
    bool next(std::string_view& line);

    [[nodiscard]] Index number() const { return number_; }  // of the line that next() gave, from 1

  private:
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t newline_ = 0;  // the first at or behind at_, after the first next()
    Index number_ = 0;
};

}  // namespace kvmem
