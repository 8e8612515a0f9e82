#include "io/content_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvmem {

std::string xxh3(std::span<const std::byte> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    XXH64_hash_t hash = XXH3_64bits(bytes.data(), bytes.size());
    std::string text(16, '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, hash >>= 4) *digit = digits[hash & 15u];
    return text;
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
