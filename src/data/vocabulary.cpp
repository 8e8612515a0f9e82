#include "kvmem/data/vocabulary.hpp"

#include "kvmem/core/error.hpp"

#include <limits>

namespace kvmem {

static std::string index_key(TokenKind kind, std::string_view text) {
    std::string key(1, static_cast<char>('0' + static_cast<int>(kind)));
    return key.append(text);
}

Vocabulary::Vocabulary() { add(TokenKind::special, "<unknown>"); }

Token Vocabulary::add(TokenKind kind, std::string_view text) {
    const auto [at, is_new] = index_.try_emplace(index_key(kind, text), size());
    if (!is_new) return at->second;
    try {
        if (size() == std::numeric_limits<Token>::max())
            throw Error({.what = "the vocabulary is full",
                         .expected = "at most 2^31 - 1 tokens",
                         .got = {},
                         .where = {},
                         .hint = {}});
        entries_.push_back({std::string(text), kind, 0});
    } catch (...) {
        index_.erase(at);
        throw;
    }
    return at->second;
}

std::optional<Token> Vocabulary::find(TokenKind kind, std::string_view text) const {
    const auto at = index_.find(index_key(kind, text));
    if (at == index_.end()) return std::nullopt;
    return at->second;
}

std::string reversed_relation(std::string_view relation) {
    if (relation.starts_with('~')) return std::string(relation.substr(1));
    return std::string("~").append(relation);
}

}  // namespace kvmem
