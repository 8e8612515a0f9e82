// Text to words.
//
// A word is a run of letters and digits, with inner apostrophes, periods and hyphens kept ("don't", "u.s",
// "bd-r"); everything else separates. Any character beyond ASCII counts as a letter, whatever its script,
// except the quotation marks, dashes and spaces that keyboards put into plain text; the typographic
// apostrophe reads as the plain one. Words are composed (Unicode's normal form C) and in lower case, so that a text's
// words are the same whichever of its canonically equivalent forms it is written in.
#pragma once

#include "kvmem/core/text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// A word, composed and in lower case, and the bytes [begin, end) of the text that it was read from.
struct Word {
    std::string text;
    std::size_t begin;
    std::size_t end;
};

// The words of a text. Throws Error with the byte's position when it is not valid UTF-8.
std::vector<Word> split_words(std::string_view text);

// Unicode's normal form C: letters with their accents as single characters where there are such. Text that is not
// UTF-8, or has a letter with more than 256 accents, stays as it is.
std::string to_nfc(std::string_view utf8);

// The same with each character in its lower case of one character (Unicode's simple mapping). Of text that stays as it
// is, only ASCII letters change.
std::string to_lower(std::string_view utf8);

}  // namespace kvmem
