// The positions of units, without copies of them, for split_words() and the EntityLinker.
//
// A unit is a word between separators, or a character of a script that is written without spaces, which names are
// matched by. Words of such scripts are found among neighbouring units (group_words()).
#pragma once

#include "kvmem/text/tokenizer.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::words {

// A joiner is part of a word only between two of its letters, a combining mark only behind a letter. A character that
// stands alone is of a script without spaces.
enum class Role : std::uint8_t { separator, letter, joiner, mark, alone };

struct Character {
    Role role;
    std::size_t bytes;
};

constexpr std::array<Role, 128> ascii_roles = [] {
    std::array<Role, 128> roles{};
    for (std::size_t c = '0'; c <= '9'; ++c) roles[c] = Role::letter;
    for (std::size_t c = 'a'; c <= 'z'; ++c) roles[c] = roles[c - 'a' + 'A'] = Role::letter;
    for (const unsigned char c : {'\'', '.', '-'}) roles[c] = Role::joiner;
    return roles;
}();

// The character beyond ASCII at `at`. The text's end may cut it off.
Character wide_character(std::string_view text, std::size_t at);

inline Character character(std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    return byte < 128 ? Character{ascii_roles[byte], 1} : wide_character(text, at);
}

// Whether the unit at `at` is a character of a script without spaces.
inline bool stands_alone(std::string_view text, std::size_t at) { return character(text, at).role == Role::alone; }

// Calls visit(begin, end) for every unit.
template <class Visit>
void for_each(std::string_view text, Visit visit) {
    std::size_t at = 0;
    while (at < text.size()) {
        const Character first = character(text, at);
        if (first.role != Role::letter && first.role != Role::alone) {
            at += first.bytes;
            continue;
        }
        const std::size_t begin = at;
        std::size_t end = at += first.bytes;
        bool joined = false;  // whether the last character is a joiner
        while (at < text.size()) {
            const Character next = character(text, at);
            if (next.role == Role::separator || next.role == Role::alone || (joined && next.role == Role::joiner) ||
                (first.role == Role::alone && next.role != Role::mark))
                break;
            joined = next.role == Role::joiner;
            at += next.bytes;
            if (!joined) end = at;
        }
        visit(begin, end);
    }
}

// Appends a word in the spelling of tokens: composed (NFC), in lower case, and with ' for the typographic apostrophe.
void append_normal(std::string& out, std::string_view word);

// The units of a text, in the spelling of tokens. Throws Error with the byte's position when it is not valid UTF-8.
std::vector<Word> units_of(std::string_view text);

// Units [first, last) as one word.
Word joined(std::span<const Word> units);

// The sizes of the words that units make, in their order: 1 for a unit that is a word. Neighbouring characters of
// scripts without spaces are grouped by ICU's dictionaries; canonically equivalent texts alike.
std::vector<std::size_t> group_words(std::span<const Word> units, std::string_view text);

// The text's code points. An invalid byte becomes the code point of its value.
std::u32string characters(std::string_view text);

// The word without its possessive "'s", or nothing if it has none.
std::optional<Word> stem(const Word& word, std::string_view text);

}  // namespace kvmem::words
