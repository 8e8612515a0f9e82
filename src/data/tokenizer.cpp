#include "kvmem/data/tokenizer.hpp"

#include "data/words.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

static unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

static bool continues(unsigned byte) { return (byte & 0xc0u) == 0x80u; }

// Bytes that a lead byte announces; 1 for a byte that leads nothing.
static std::size_t announced(unsigned lead) {
    if (lead >= 0xf0) return 4;
    if (lead >= 0xe0) return 3;
    return lead >= 0xc0 ? 2 : 1;
}

// Of U+0080 to U+07FF, what UTF-8 writes in two bytes. Blocks that alternate upper and lower case differ in
// whether the upper-case letter is the even or the odd one.
static unsigned lower_code_point(unsigned c) {
    const auto within = [c](unsigned first, unsigned last) { return first <= c && c <= last; };
    const auto even_is_upper = [c] { return c | 1u; };
    const auto odd_is_upper = [c] { return c + (c & 1u); };
    if (within(0xc0, 0xde)) return c == 0xd7 ? c : c + 32;
    if (c == 0x130) return 'i';
    if (within(0x100, 0x137) || within(0x14a, 0x177)) return c == 0x131 ? c : even_is_upper();
    if (c == 0x178) return 0xff;
    if (within(0x139, 0x148) || within(0x179, 0x17e)) return odd_is_upper();
    if (c == 0x386) return 0x3ac;
    if (within(0x388, 0x38a)) return c + 37;
    if (c == 0x38c) return 0x3cc;
    if (within(0x38e, 0x38f)) return c + 63;
    if (within(0x391, 0x3ab)) return c == 0x3a2 ? c : c + 32;
    if (within(0x400, 0x40f)) return c + 80;
    if (within(0x410, 0x42f)) return c + 32;
    if (within(0x460, 0x481) || within(0x48a, 0x4bf) || within(0x4d0, 0x52f)) return even_is_upper();
    if (c == 0x4c0) return 0x4cf;
    if (within(0x4c1, 0x4ce)) return odd_is_upper();
    return c;
}

static void append_lower(std::string& out, std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const unsigned lead = byte_at(text, at);
        if (lead < 0x80) {
            out += static_cast<char>('A' <= lead && lead <= 'Z' ? lead + 32 : lead);
        } else if (0xc2 <= lead && lead <= 0xdf && at + 1 < text.size() && continues(byte_at(text, at + 1))) {
            const unsigned c = lower_code_point((lead & 0x1fu) << 6 | (byte_at(text, ++at) & 0x3fu));
            if (c >= 0x80) out += static_cast<char>(0xc0u | c >> 6);
            out += static_cast<char>(c >= 0x80 ? 0x80u | (c & 0x3fu) : c);
        } else {
            out += text[at];
        }
    }
}

std::string to_lower(std::string_view utf8) {
    std::string lower;
    lower.reserve(utf8.size());
    append_lower(lower, utf8);
    return lower;
}

static constexpr std::string_view apostrophe = "\u2019";

words::Character words::wide_character(std::string_view text, std::size_t at) {
    const std::size_t bytes = std::min(announced(byte_at(text, at)), text.size() - at);
    const std::string_view c = text.substr(at, bytes);
    if (c == apostrophe) return {Role::joiner, bytes};
    const bool latin_mark = c == "\u00a0" || c == "\u00a1" || c == "\u00ab" || c == "\u00bb" || c == "\u00bf";
    const bool general_punctuation = "\u2000" <= c && c <= "\u206f" && bytes == 3;
    const bool ideographic_mark = c == "\u3000" || c == "\u3001" || c == "\u3002" || c == "\ufeff";
    return {latin_mark || general_punctuation || ideographic_mark ? Role::separator : Role::letter, bytes};
}

void words::append_normal(std::string& out, std::string_view word) {
    std::size_t done = 0;
    for (std::size_t at; (at = word.find(apostrophe, done)) != std::string_view::npos; done = at + apostrophe.size()) {
        append_lower(out, word.substr(done, at - done));
        out += '\'';
    }
    append_lower(out, word.substr(done));
}

std::vector<Word> split_words(std::string_view text) {
    if (const std::size_t bad = invalid_utf8_at(text); bad != std::string_view::npos)
        throw Error({.what = "the text is not valid UTF-8",
                     .expected = {},
                     .got = "a stray byte at position " + std::to_string(bad),
                     .where = {},
                     .hint = {}});
    std::vector<Word> found;
    words::for_each(text, [&](std::size_t begin, std::size_t end) {
        std::string word;
        words::append_normal(word, text.substr(begin, end - begin));
        found.push_back({std::move(word), begin, end});
    });
    return found;
}

}  // namespace kvmem
