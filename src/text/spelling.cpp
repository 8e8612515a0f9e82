#include "text/spelling.hpp"

#include <string>

namespace kvmem {

// FNV-1a, mixed once more for its low bits.
static std::uint64_t spelling_hash(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash ^ (hash >> 29);
}

void add_spelling(std::string_view word, Token first, Index rows, std::vector<Token>& numbers) {
    const std::string whole = "<" + std::string(word) + ">";
    const auto add = [&](std::string_view part) {
        numbers.push_back(first + static_cast<Token>(spelling_hash(part) % static_cast<std::uint64_t>(rows)));
    };
    add(whole);
    for (std::size_t length = 3; length <= 5; ++length)
        for (std::size_t i = 0; i + length <= whole.size() && length < whole.size(); ++i)
            add(std::string_view(whole).substr(i, length));
}

}  // namespace kvmem
