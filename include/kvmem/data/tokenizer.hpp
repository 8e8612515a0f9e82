// Text to words.
//
// A word is a run of letters and digits, with inner apostrophes, periods and hyphens kept ("don't", "u.s",
// "bd-r"); everything else separates. Any character beyond ASCII counts as a letter, whatever its script,
// except the quotation marks, dashes and spaces that keyboards put into plain text; the typographic
// apostrophe reads as the plain one.
#pragma once

#include "kvmem/core/text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// A word, in lower case, and the bytes [begin, end) of the text that it was read from.
struct Word {
    std::string text;
    std::size_t begin;
    std::size_t end;
};

// The words of a text. Throws Error with the byte's position when it is not valid UTF-8.
std::vector<Word> split_words(std::string_view text);

// Lower case of ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic letters; other characters stay.
std::string to_lower(std::string_view utf8);

}  // namespace kvmem
