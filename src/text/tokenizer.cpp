#include "kvmem/text/tokenizer.hpp"

#include "kvmem/core/error.hpp"
#include "text/words.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace kvmem {

static constexpr std::string_view apostrophe = "\u2019";

static char ascii_lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Sorting the marks of one letter takes quadratic time, and no language puts more than a few on one.
static constexpr int max_marks = 256;

// Whether a text can be composed: it is UTF-8, and no letter has too many marks.
static bool is_composable(std::string_view text) {
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    auto left = static_cast<utf8proc_ssize_t>(text.size());
    for (int marks = 0; left > 0;) {
        utf8proc_int32_t c = 0;
        const utf8proc_ssize_t bytes = utf8proc_iterate(at, left, &c);
        if (bytes < 1) return false;
        marks = utf8proc_get_property(c)->combining_class != 0 ? marks + 1 : 0;
        if (marks > max_marks) return false;
        at += bytes, left -= bytes;
    }
    return true;
}

// The composition of a composable text, or its decomposition. `map` maps its characters first if it is given.
static std::string composed(std::string_view text, utf8proc_custom_func map = nullptr,
                            utf8proc_option_t form = UTF8PROC_COMPOSE) {
    utf8proc_uint8_t* bytes = nullptr;
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | form);
    const utf8proc_ssize_t size =
        utf8proc_map_custom(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                            static_cast<utf8proc_ssize_t>(text.size()), &bytes, options, map, nullptr);
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(bytes, std::free);
    if (size < 0) throw std::bad_alloc();  // the only possible failure for composable text
    return std::string(reinterpret_cast<const char*>(bytes), size);
}

static utf8proc_int32_t lower_code_point(utf8proc_int32_t c, void*) { return utf8proc_tolower(c); }

// Characters below U+0300, whose first byte is CC, are composed and never compose with each other.
static bool may_compose(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0xcc; });
}

// The text is composed before the mapping, because some decomposed letters have another lower case (U+0130), and after
// it, because some letters have a composed form only in lower case.
static std::string wide_lower(std::string_view text) {
    return may_compose(text) ? composed(composed(text), lower_code_point) : composed(text, lower_code_point);
}

static void append_lower(std::string& out, std::string_view text) {
    const std::size_t before = out.size();
    out += text;
    unsigned bits = 0;  // set in any byte
    for (std::size_t at = before; at < out.size(); ++at) {
        bits |= static_cast<unsigned char>(out[at]);
        out[at] = ascii_lower(out[at]);
    }
    if (bits >= 0x80 && is_composable(text)) out.replace(before, std::string::npos, wide_lower(text));
}

// What is written for a letter of two bytes that has no parts, where its sign is lacking; or nothing.
static std::string_view plain_letters(std::string_view letter) {
    static constexpr std::pair<std::string_view, std::string_view> folded[] = {
        {"\u00c6", "AE"}, {"\u00d0", "D"},  {"\u00d8", "O"},  {"\u00de", "TH"}, {"\u00df", "ss"},
        {"\u00e6", "ae"}, {"\u00f0", "d"},  {"\u00f8", "o"},  {"\u00fe", "th"}, {"\u0110", "D"},
        {"\u0111", "d"},  {"\u0126", "H"},  {"\u0127", "h"},  {"\u0131", "i"},  {"\u0141", "L"},
        {"\u0142", "l"},  {"\u0152", "OE"}, {"\u0153", "oe"}, {"\u0166", "T"},  {"\u0167", "t"}};
    const auto found = std::ranges::find(folded, letter, &std::pair<std::string_view, std::string_view>::first);
    return found == std::end(folded) ? std::string_view() : found->second;
}

std::string without_accents(std::string_view utf8) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (std::ranges::all_of(utf8, is_ascii) || !is_composable(utf8)) return std::string(utf8);
    const std::string parts = composed(utf8, nullptr, UTF8PROC_DECOMPOSE);
    const std::string_view parts_view = parts;
    std::string letters;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto byte = static_cast<unsigned char>(parts[i]);
        const auto next = static_cast<unsigned char>(i + 1 < parts.size() ? parts[i + 1] : 0);
        const std::string_view plain = 0xc3 <= byte && byte <= 0xc5 ? plain_letters(parts_view.substr(i, 2)) : "";
        if (byte == 0xcc || (byte == 0xcd && next < 0xb0) || !plain.empty())  // U+0300 to U+036F
            letters += plain, ++i;
        else
            letters += parts[i];
    }
    return composed(letters);
}

std::string to_nfc(std::string_view utf8) {
    return may_compose(utf8) && is_composable(utf8) ? composed(utf8) : std::string(utf8);
}

std::string to_lower(std::string_view utf8) {
    std::string lower;
    lower.reserve(utf8.size());
    append_lower(lower, utf8);
    return lower;
}

// The number of bytes of a character with this first byte; 1 for an invalid one.
static std::size_t sequence_length(unsigned lead) {
    if (lead >= 0xf0) return 4;
    if (lead >= 0xe0) return 3;
    return lead >= 0xc0 ? 2 : 1;
}

// The code point of a character; 0 for an invalid one.
static utf8proc_int32_t code_of(std::string_view c) {
    utf8proc_int32_t code = 0;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(c.data());
    return utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(c.size()), &code) > 0 ? code : 0;
}

// Blocks of scripts that are written without spaces: Thai and Lao, Myanmar, Khmer, and those of Chinese and Japanese.
static bool is_without_spaces(utf8proc_int32_t code) {
    static constexpr std::pair<utf8proc_int32_t, utf8proc_int32_t> blocks[] = {
        {0x0e00, 0x0eff}, {0x1000, 0x109f}, {0x1780, 0x17ff},   {0x2e80, 0x2fdf},  {0x3000, 0x30ff},
        {0x31f0, 0x31ff}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff},   {0xa9e0, 0xa9ff},  {0xaa60, 0xaa7f},
        {0xf900, 0xfaff}, {0xff66, 0xff9f}, {0x1b000, 0x1b16f}, {0x20000, 0x3ffff}};
    return std::ranges::any_of(blocks, [code](const auto& b) { return b.first <= code && code <= b.second; });
}

// Signs of these scripts, and the wide forms of ASCII's, separate words as ASCII's do.
static words::Role role_without_spaces(utf8proc_int32_t code) {
    const utf8proc_category_t category = utf8proc_category(code);
    // Characters newer than the tables have no category; most are ideographs.
    if (category <= UTF8PROC_CATEGORY_LO) return words::Role::alone;
    if (category <= UTF8PROC_CATEGORY_ME) return words::Role::mark;
    return category <= UTF8PROC_CATEGORY_NO ? words::Role::letter : words::Role::separator;
}

static bool is_wide_sign(utf8proc_int32_t code) {
    return 0xff00 <= code && code <= 0xffef && utf8proc_category(code) >= UTF8PROC_CATEGORY_PC;
}

// Canonically equivalent characters must have the same role. U+037E is a semicolon, U+1FEF a grave accent, U+2329
// and U+232A are brackets, and signs with a stroke are those signs with U+0338.
words::Character words::wide_character(std::string_view text, std::size_t at) {
    const std::size_t bytes = std::min(sequence_length(static_cast<unsigned char>(text[at])), text.size() - at);
    const std::string_view c = text.substr(at, bytes);
    if (c == apostrophe) return {Role::joiner, bytes};
    const utf8proc_int32_t code = code_of(c);
    if (utf8proc_get_property(code)->combining_class != 0) return {Role::mark, bytes};
    if (is_without_spaces(code)) return {role_without_spaces(code), bytes};
    if (is_wide_sign(code) || code == 0x2329 || code == 0x232a) return {Role::separator, bytes};
    const bool latin_mark = c == "\u00a0" || c == "\u00a1" || c == "\u00ab" || c == "\u00bb" || c == "\u00bf";
    const bool general_punctuation = "\u2000" <= c && c <= "\u206f" && bytes == 3;
    const bool byte_order_mark = c == "\ufeff";
    const bool same_as_ascii = c == "\u037e" || c == "\u1fef" || c == "\u2260" || c == "\u226e" || c == "\u226f";
    const bool separates = latin_mark || general_punctuation || byte_order_mark || same_as_ascii;
    return {separates ? Role::separator : Role::letter, bytes};
}

void words::append_normal(std::string& out, std::string_view word) {
    std::size_t done = 0;
    for (std::size_t at; (at = word.find(apostrophe, done)) != std::string_view::npos; done = at + apostrophe.size()) {
        append_lower(out, word.substr(done, at - done));
        out += '\'';
    }
    append_lower(out, word.substr(done));
}

std::u32string words::characters(std::string_view text) {
    std::u32string all;
    while (!text.empty()) {
        utf8proc_int32_t c = 0;
        const utf8proc_ssize_t bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                        static_cast<utf8proc_ssize_t>(text.size()), &c);
        all += bytes > 0 ? static_cast<char32_t>(c) : static_cast<unsigned char>(text[0]);
        text.remove_prefix(std::max<utf8proc_ssize_t>(bytes, 1));
    }
    return all;
}

std::optional<Word> words::stem(const Word& word, std::string_view text) {
    constexpr std::size_t ending = 2;  // "'s" as words spell it
    if (!word.text.ends_with("'s")) return std::nullopt;
    const bool plain = text[word.end - ending] == '\'';
    return Word{word.text.substr(0, word.text.size() - ending), word.begin,
                word.end - 1 - (plain ? 1 : apostrophe.size())};
}

std::vector<Word> words::units_of(std::string_view text) {
    if (const std::size_t bad = invalid_utf8_at(text); bad != std::string_view::npos)
        throw Error({.what = "the text is not valid UTF-8", .got = "a stray byte at position " + std::to_string(bad)});
    std::vector<Word> found;
    for_each(text, [&](std::size_t begin, std::size_t end) {
        std::string word;
        append_normal(word, text.substr(begin, end - begin));
        found.push_back({std::move(word), begin, end});
    });
    return found;
}

Word words::joined(std::span<const Word> units) {
    Word word{{}, units.front().begin, units.back().end};
    for (const Word& unit : units) word.text += unit.text;
    return word;
}

std::vector<Word> split_words(std::string_view text) {
    std::vector<Word> units = words::units_of(text);
    if (std::ranges::none_of(units, [&](const Word& unit) { return words::stands_alone(text, unit.begin); }))
        return units;
    std::vector<Word> found;
    std::span<const Word> rest = units;
    for (const std::size_t size : words::group_words(units, text)) {
        found.push_back(words::joined(rest.first(size)));
        rest = rest.subspan(size);
    }
    return found;
}

}  // namespace kvmem
