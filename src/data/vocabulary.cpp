#include "kvmem/data/vocabulary.hpp"

#include "kvmem/core/error.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <limits>

namespace kvmem {

static std::size_t hash_of(TokenKind kind, std::string_view text) {
    return static_cast<std::size_t>(XXH3_64bits_withSeed(text.data(), text.size(), static_cast<XXH64_hash_t>(kind)));
}

Vocabulary::Vocabulary() { add(TokenKind::special, "<unknown>"); }

std::size_t Vocabulary::place_of(TokenKind kind, std::string_view text) const {
    const std::size_t mask = places_.size() - 1;
    for (std::size_t at = hash_of(kind, text) & mask;; at = (at + 1) & mask) {
        if (places_[at] < 0) return at;
        const Entry& here = entry(places_[at]);
        if (here.kind == kind && here.text == text) return at;
    }
}

// To at least twice as many places as entries, a power of two.
void Vocabulary::grow_places() {
    std::vector<Token> bigger(places_.empty() ? 64 : 2 * places_.size(), -1);
    places_.swap(bigger);
    for (Token token = 0; token < size(); ++token) places_[place_of(kind(token), text(token))] = token;
}

Token Vocabulary::add(TokenKind kind, std::string_view text) {
    if (places_.size() < 2 * (entries_.size() + 1)) grow_places();
    const std::size_t place = place_of(kind, text);
    if (places_[place] >= 0) return places_[place];
    if (size() == std::numeric_limits<Token>::max())
        throw Error({.what = "the vocabulary is full",
                     .expected = "at most 2^31 - 1 tokens",
                     .got = {},
                     .where = {},
                     .hint = {}});
    entries_.push_back({std::string(text), kind, 0});
    return places_[place] = size() - 1;
}

std::optional<Token> Vocabulary::find(TokenKind kind, std::string_view text) const {
    if (places_.empty()) return std::nullopt;  // moved from
    const Token token = places_[place_of(kind, text)];
    return token < 0 ? std::nullopt : std::optional(token);
}

std::string reversed_relation(std::string_view relation) {
    if (relation.starts_with('~')) return std::string(relation.substr(1));
    return std::string("~").append(relation);
}

}  // namespace kvmem
