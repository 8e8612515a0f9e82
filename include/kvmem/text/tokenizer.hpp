// Splits text into words.
//
// A word is a run of letters and digits, with inner apostrophes, periods and hyphens ("don't", "u.s", "bd-r"). All else
// separates words. Any character beyond ASCII is a letter, whatever its script, but for the quotation marks, dashes and
// spaces of plain text, and the typographic apostrophe, which reads as the plain one. In scripts without spaces
// (Chinese, Japanese, Thai, Lao, Burmese, Khmer) the dictionaries of ICU find the words, and these may differ between
// its versions. Words are composed (Unicode's
// normal form C) and in lower case. So canonically equivalent texts have the same words.
#pragma once

#include "kvmem/core/text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// A word, composed and in lower case, and the bytes [begin, end) of the text that it was read from.
struct Word {
    // The word as models read it.
    std::string text;
    // The first byte, and one past the last.
    std::size_t begin;
    std::size_t end;
};

// The words of a text. Throws Error with the byte's position when it is not valid UTF-8.
std::vector<Word> split_words(std::string_view text);

// Unicode's normal form C, which has single characters for letters with accents where they exist. Text that is not
// UTF-8, or has a letter with more than 256 accents, is returned unchanged.
std::string to_nfc(std::string_view utf8);

// Normal form C without the accents of Latin, Greek and Cyrillic letters (U+0300 to U+036F), and with plain letters for
// those of Latin that have no parts: "Huascarán" is "Huascaran", "Łódź" "Lodz", "Straße" "Strasse". Text that is not
// UTF-8, or has a letter with more than 256 accents, is returned unchanged.
std::string without_accents(std::string_view utf8);

// Normal form C in lower case, one character for one (Unicode's simple mapping). Where text is not UTF-8, or has too
// many accents, only its ASCII letters change.
std::string to_lower(std::string_view utf8);

}  // namespace kvmem
