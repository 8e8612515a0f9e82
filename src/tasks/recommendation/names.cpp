#include "kvmem/tasks/recommendation/names.hpp"

#include "kvmem/core/error.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <limits>

namespace kvmem {

static std::uint64_t hash_of(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

Token Names::find(std::uint64_t hash, std::string_view name) const {
    return numbers_.find(hash, [&](Token number) { return (*this)[number] == name; });
}

std::optional<Token> Names::find(std::string_view name) const {
    const Token number = find(hash_of(name), name);
    return number < 0 ? std::nullopt : std::optional(number);
}

Token Names::add(std::string_view name) {
    const std::uint64_t hash = hash_of(name);
    if (const Token known = find(hash, name); known >= 0) return known;
    if (size() == std::numeric_limits<Token>::max())
        throw Error({.what = "too many names", .expected = "at most 2^31 - 1"});
    all_.emplace_back(name);
    numbers_.add(hash, size() - 1);
    return size() - 1;
}

}  // namespace kvmem
