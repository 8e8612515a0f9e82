#include "tasks/qa/documents/decode.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"

#include <algorithm>

namespace kvmem::documents {

// What windows-1252 has at 0x80 to 0x9f; 0 where it has nothing.
static constexpr std::uint16_t windows_1252[32] = {0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                   0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
                                                   0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                   0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

static constexpr std::uint32_t replacement = 0xfffd;

static unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

// Appends a character that was read from the file's byte `at` on.
static void append(DecodedText& decoded, std::uint32_t c, std::size_t at) {
    std::string& text = decoded.text;
    const std::size_t before = text.size();
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else {
        const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        constexpr unsigned lead[] = {0, 0xc0, 0xe0, 0xf0};
        text += static_cast<char>(lead[more] | c >> (6 * more));
        for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80u | ((c >> (6 * i)) & 0x3fu));
    }
    decoded.begins.insert(decoded.begins.end(), text.size() - before, static_cast<Index>(at));
}

static void append_replacement(DecodedText& decoded, std::size_t at) {
    append(decoded, replacement, at);
    ++decoded.skipped;
}

static void decode_utf16(DecodedText& decoded, std::string_view bytes, std::size_t at) {
    const std::size_t high = decoded.encoding == Encoding::utf16_big ? 0 : 1;
    const auto unit = [&](std::size_t i) { return byte_at(bytes, i + high) << 8 | byte_at(bytes, i + 1 - high); };
    for (; at + 1 < bytes.size(); at += 2) {
        const unsigned first = unit(at);
        const bool is_pair = (first & 0xfc00u) == 0xd800 && at + 3 < bytes.size() && (unit(at + 2) & 0xfc00u) == 0xdc00;
        if (is_pair) {
            append(decoded, 0x10000u + ((first & 0x3ffu) << 10) + (unit(at + 2) & 0x3ffu), at);
            at += 2;
        } else if ((first & 0xf800u) == 0xd800) {
            append_replacement(decoded, at);
        } else {
            append(decoded, first, at);
        }
    }
    if (at < bytes.size()) append_replacement(decoded, at);
}

static void decode_latin1(DecodedText& decoded, std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const unsigned byte = byte_at(bytes, at);
        const unsigned c = byte >= 0x80 && byte < 0xa0 ? windows_1252[byte - 0x80] : byte;
        if (c == 0 && byte != 0)
            append_replacement(decoded, at);
        else
            append(decoded, c, at);
    }
}

static void decode_damaged_utf8(DecodedText& decoded, std::string_view bytes, std::size_t at) {
    while (at < bytes.size()) {
        const std::size_t valid = std::min(invalid_utf8_at(bytes.substr(at)), bytes.size() - at);
        decoded.text += bytes.substr(at, valid);
        for (const std::size_t end = at + valid; at < end; ++at) {
            const bool goes_on = (byte_at(bytes, at) & 0xc0u) == 0x80;
            decoded.begins.push_back(goes_on ? decoded.begins.back() : static_cast<Index>(at));
        }
        if (at < bytes.size()) append_replacement(decoded, at++);
    }
}

// The encoding of bytes without a mark that are not UTF-8, or have zeros.
static Encoding guess(std::string_view bytes) {
    Index zeros[2] = {0, 0};
    bool has_long_character = false;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        zeros[at % 2] += bytes[at] == 0;
        has_long_character |= byte_at(bytes, at) >= 0xc2 && at + 1 < bytes.size() &&
                              invalid_utf8_at(bytes.substr(at, byte_at(bytes, at) < 0xe0 ? 2 : 3)) == bytes.npos;
    }
    const auto units = static_cast<Index>(bytes.size() / 2);
    const bool is_even = bytes.size() % 2 == 0;
    if (is_even && zeros[1] > units / 2 && zeros[0] < zeros[1] / 4) return Encoding::utf16_little;
    if (is_even && zeros[0] > units / 2 && zeros[1] < zeros[0] / 4) return Encoding::utf16_big;
    return has_long_character ? Encoding::utf8 : Encoding::latin1;
}

static void decode_into(DecodedText& decoded, std::string_view bytes) {
    const bool little = bytes.starts_with("\xff\xfe"), big = bytes.starts_with("\xfe\xff");
    const std::size_t mark = little || big ? 2 : bytes.starts_with("\ufeff") ? 3 : 0;
    const bool is_utf8 = !little && !big && invalid_utf8_at(bytes) == bytes.npos;
    if (is_utf8 && bytes.find('\0') == bytes.npos) {
        decoded.text = bytes.substr(mark);
        decoded.offset = static_cast<Index>(mark);
        return;
    }
    decoded.encoding = little     ? Encoding::utf16_little
                       : big      ? Encoding::utf16_big
                       : mark > 0 ? Encoding::utf8
                                  : guess(bytes);
    if (decoded.encoding == Encoding::utf8)
        decode_damaged_utf8(decoded, bytes, mark);
    else if (decoded.encoding == Encoding::latin1)
        decode_latin1(decoded, bytes);
    else
        decode_utf16(decoded, bytes, mark);
    decoded.begins.push_back(static_cast<Index>(bytes.size()));
}

DecodedText decode(std::string_view bytes, const std::string& where) {
    DecodedText decoded;
    decoded.bytes = static_cast<Index>(bytes.size());
    decode_into(decoded, bytes);
    if (decoded.text.find('\0') != std::string::npos)
        throw Error({.what = "the file is not text", .got = "a NUL character", .where = where});
    return decoded;
}

}  // namespace kvmem::documents
