#include "kvmem/text/vocabulary.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/text/tokenizer.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <limits>

namespace kvmem {

static std::uint64_t hash_of(TokenKind kind, std::string_view text) {
    return XXH3_64bits_withSeed(text.data(), text.size(), static_cast<XXH64_hash_t>(kind));
}

Vocabulary::Vocabulary() { add(TokenKind::special, "<unknown>"); }

Token Vocabulary::find(std::uint64_t hash, TokenKind kind, std::string_view text) const {
    return tokens_.find(hash, [&](Token token) {
        const Entry& here = entry(token);
        return here.kind == kind && here.text == text;
    });
}

Token Vocabulary::add(TokenKind kind, std::string_view text) {
    const std::uint64_t hash = hash_of(kind, text);
    if (const Token known = find(hash, kind, text); known >= 0) return known;
    if (const std::optional<Token> other = by_lower_case(kind, text)) return *other;
    if (size() == std::numeric_limits<Token>::max())
        throw Error({.what = "the vocabulary is full", .expected = "at most 2^31 - 1 tokens"});
    const Token token = size();
    entries_.push_back({std::string(text), kind, 0});
    tokens_.add(hash, token);
    return token;
}

void Vocabulary::reserve(Token size) {
    entries_.reserve(size);
    tokens_.reserve(size);
}

std::optional<Token> Vocabulary::find(TokenKind kind, std::string_view text) const {
    const Token token = find(hash_of(kind, text), kind, text);
    return token < 0 ? by_lower_case(kind, text) : std::optional(token);
}

std::optional<Token> Vocabulary::by_lower_case(TokenKind kind, std::string_view text) const {
    if (kind != TokenKind::word || words_by_lower_case_.empty()) return std::nullopt;
    const auto other = words_by_lower_case_.find(std::string(text));
    return other == words_by_lower_case_.end() ? std::nullopt : std::optional(other->second);
}

void Vocabulary::find_words_by_lower_case() {
    for (Token token = 0; token < size(); ++token) {
        if (kind(token) != TokenKind::word) continue;
        std::string lower = to_lower(text(token));
        if (lower != text(token) && !find(TokenKind::word, lower))
            words_by_lower_case_.emplace(std::move(lower), token);
    }
}

std::string reversed_relation(std::string_view relation) {
    if (relation.starts_with('~')) return std::string(relation.substr(1));
    return std::string("~").append(relation);
}

}  // namespace kvmem
