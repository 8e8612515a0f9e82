#include "body_vectors.hpp"

#include "kvmem/core/number.hpp"
#include "program.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace kvmem::apps {

namespace json = boost::json;

static_assert(std::endian::native == std::endian::little, "bodies have the bytes of the processor");

static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string bytes_of(std::span<const float> numbers) {
    return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

std::string base64(std::span<const float> numbers) {
    const std::string bytes = bytes_of(numbers);
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j) text += j <= count ? alphabet[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

static std::string from_base64(std::string_view text) {
    const Error bad({.what = "bad base64", .expected = "RFC 4648 with its padding"});
    if (text.size() % 4 != 0) throw Error(bad);
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const bool is_last = i + 4 == text.size();
        const std::size_t digits = is_last && text[i + 2] == '=' ? 2 : is_last && text[i + 3] == '=' ? 3 : 4;
        if (digits == 2 && text[i + 3] != '=') throw Error(bad);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const std::size_t digit = j < digits ? alphabet.find(text[i + j]) : 0;
            if (digit == std::string_view::npos) throw Error(bad);
            group = group << 6 | static_cast<std::uint32_t>(digit);
        }
        for (std::size_t j = 0; j + 1 < digits; ++j) bytes += static_cast<char>(group >> (16 - 8 * j) & 255);
    }
    return bytes;
}

static Matrix matrix_of_bytes(std::string_view bytes, Index width) {
    const std::size_t row = sizeof(float) * width;
    if (bytes.empty() || bytes.size() % row != 0)
        throw Error({.what = "bytes are no rows of the store's width",
                     .expected = "a multiple of " + plural(static_cast<Index>(row), "byte"),
                     .got = std::to_string(bytes.size())});
    Matrix matrix(static_cast<Index>(bytes.size() / row), width);
    std::memcpy(matrix.data(), bytes.data(), bytes.size());
    return matrix;
}

std::vector<float> row_of(const json::value& value, Index width) {
    const json::array& numbers = value.as_array();
    if (std::ssize(numbers) != width)
        throw Error({.what = "a row has another width",
                     .expected = plural(width, "number"),
                     .got = std::to_string(numbers.size())});
    std::vector<float> row;
    row.reserve(numbers.size());
    for (const json::value& number : numbers) row.push_back(static_cast<float>(number.to_number<double>()));
    return row;
}

Matrix vectors_of(const Call& call, const char* name, Index width) {
    if (call.body.empty()) return matrix_of_bytes(call.request.body, width);
    const json::value& value = call.body.at(name);
    if (value.is_string()) return matrix_of_bytes(from_base64(value.as_string()), width);
    const json::array& rows = value.as_array();
    if (rows.empty()) throw Error({.what = "no vectors", .expected = "a row at least", .got = "none"});
    Matrix matrix(std::ssize(rows), width);
    for (std::size_t i = 0; i < rows.size(); ++i)
        std::ranges::copy(row_of(rows[i], width), matrix.row(static_cast<Index>(i)));
    return matrix;
}

Index setting(const Call& call, const Member& member, Index otherwise) {
    if (!call.body.empty()) return integer_of(call.body, member.name, otherwise);
    const auto at = call.request.query.find(member.name);
    if (at == call.request.query.end()) return otherwise;
    const auto number = kvmem::number_of<Index>(at->second);
    if (!number || static_cast<double>(*number) < member.min || static_cast<double>(*number) > member.max)
        throw Error({.what = std::string("bad value of ") + member.name,
                     .expected = formatted("%g", member.min) + " to " + formatted("%g", member.max),
                     .got = at->second});
    return *number;
}

json::value json_of(std::span<const float> numbers, bool as_base64) {
    if (as_base64) return json::string(base64(numbers));
    return json::array(numbers.begin(), numbers.end());
}

}  // namespace kvmem::apps
