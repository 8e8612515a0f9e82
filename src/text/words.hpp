// The positions of words, without copies of them, for split_words() and the EntityLinker.
#pragma once

#include "kvmem/text/tokenizer.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvmem::words {

// A joiner is part of a word only between two of its letters, a combining mark only behind a letter.
enum class Role : std::uint8_t { separator, letter, joiner, mark };

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

// Calls visit(begin, end) for every word.
template <class Visit>
void for_each(std::string_view text, Visit visit) {
    std::size_t at = 0;
    while (at < text.size()) {
        const Character first = character(text, at);
        if (first.role != Role::letter) {
            at += first.bytes;
            continue;
        }
        const std::size_t begin = at;
        std::size_t end = at += first.bytes;
        bool joined = false;  // whether the last character is a joiner
        while (at < text.size()) {
            const Character next = character(text, at);
            if (next.role == Role::separator || (joined && next.role == Role::joiner)) break;
            joined = next.role == Role::joiner;
            at += next.bytes;
            if (!joined) end = at;
        }
        visit(begin, end);
    }
}

// Appends a word in the spelling of tokens: composed (NFC), in lower case, and with ' for the typographic apostrophe.
void append_normal(std::string& out, std::string_view word);

// The text's code points. An invalid byte becomes the code point of its value.
std::u32string characters(std::string_view text);

// The word without its possessive "'s", or nothing if it has none.
std::optional<Word> stem(const Word& word, std::string_view text);

}  // namespace kvmem::words
