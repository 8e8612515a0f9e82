// The parts of a text that units number, or merge pairs in. Not installed.
#pragma once

#include "kvmem/text/units.hpp"

#include <algorithm>
#include <string_view>

namespace kvmem {

inline constexpr std::string_view ascii_blanks = " \t\n\v\f\r";

// The position behind the character at `at` of a text in UTF-8.
inline std::size_t character_end(std::string_view text, std::size_t at) {
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0u) == 0x80u);
    return at;
}

// Calls use(part) for each character, each word, or of bpe each word with the blank before it; an additional blank is a
// part of its own.
template <class Use>
void unit_parts(UnitKind kind, std::string_view text, Use use) {
    for (std::size_t at = 0, end = 0; at < text.size(); at = end) {
        if (kind == UnitKind::words && (at = text.find_first_not_of(ascii_blanks, at)) == std::string_view::npos)
            return;
        end = kind == UnitKind::chars ? character_end(text, at)
                                      : std::min(text.find_first_of(ascii_blanks, at + 1), text.size());
        use(text.substr(at, end - at));
    }
}

}  // namespace kvmem
