#include "io/content_hash.hpp"

#include "kvmem/core/error.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fstream>

namespace kvmem {

static std::string digits_of(XXH64_hash_t hash) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(16, '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, hash >>= 4) *digit = digits[hash & 15u];
    return text;
}

std::string xxh3(std::span<const std::byte> bytes) { return digits_of(XXH3_64bits(bytes.data(), bytes.size())); }

std::string xxh3_of_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<char> block(std::size_t{1} << 20);
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    while (file) {
        file.read(block.data(), std::ssize(block));
        XXH3_64bits_update(&state, block.data(), static_cast<std::size_t>(file.gcount()));
    }
    if (!file.eof()) throw Error({.what = "cannot read", .expected = "a file", .where = path.string()});
    return digits_of(XXH3_64bits_digest(&state));
}

std::string xxh3(std::string_view text) { return xxh3(std::as_bytes(std::span(text))); }

std::string shape_text(std::span<const unsigned long long> shape) {
    std::string text;
    for (const auto extent : shape) text += (text.empty() ? "" : "x") + std::to_string(extent);
    return text;
}

std::string ContentHash::digest() const {
    std::string text;
    for (const auto& [name, line] : lines_) text += name + " " + line + "\n";
    return xxh3(text);
}

}  // namespace kvmem
