// The table between tokens and their texts.
//
// A token is a word of the questions, an entity (a name of any number of words, kept as written), a relation
// ("directed_by", or "~directed_by" when read from object to subject), or one of the specials. The same text
// may stand for a word and for an entity: those are two tokens. Reading is safe from several threads.
#pragma once

#include "kvmem/core/number_table.hpp"
#include "kvmem/core/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kvmem {

enum class TokenKind : std::uint8_t { special = 0, word = 1, entity = 2, relation = 3 };

// Stands for every word that is not in a vocabulary, or was never seen in training.
inline constexpr Token unknown_token = 0;

class Vocabulary {
  public:
    Vocabulary();  // holds unknown_token, "<unknown>"

    // The token of this text, added with count 0 if it is new. Throws Error beyond 2^31 - 1 tokens.
    Token add(TokenKind kind, std::string_view text);
    std::optional<Token> find(TokenKind kind, std::string_view text) const;

    // From now on words are also found by what to_lower() makes of their texts, where that is no other word's text:
    // those of files that were written with another idea of lower case.
    void find_words_by_lower_case();

    Token size() const { return static_cast<Token>(entries_.size()); }
    const std::string& text(Token token) const { return entry(token).text; }
    TokenKind kind(Token token) const { return entry(token).kind; }

    // How often the token occurs in what a model learns from: the training split and the shared memory.
    std::int64_t count(Token token) const { return entry(token).count; }
    void set_count(Token token, std::int64_t count) { entries_.at(static_cast<std::size_t>(token)).count = count; }

  private:
    struct Entry {
        std::string text;
        TokenKind kind;
        std::int64_t count;
    };
    const Entry& entry(Token token) const { return entries_.at(static_cast<std::size_t>(token)); }
    Token find(std::uint64_t hash, TokenKind kind, std::string_view text) const;  // or -1
    std::optional<Token> by_lower_case(TokenKind kind, std::string_view text) const;

    std::vector<Entry> entries_;
    NumberTable tokens_;  // by kind and text; filling it is most of what opening a vocabulary costs
    std::unordered_map<std::string, Token> words_by_lower_case_;  // those that find_words_by_lower_case() found
};

// "directed_by" <-> "~directed_by": the name of a relation read from object to subject.
std::string reversed_relation(std::string_view relation);

}  // namespace kvmem
