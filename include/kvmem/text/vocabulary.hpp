// The table between tokens and their texts.
//
// A token is a word of the questions, an entity (a name of any number of words, as it is spelled), a relation
// ("directed_by", or "~directed_by" from object to subject), or a special. A word and an entity with the same text are
// two tokens. Words and entities of the second dictionary stand for those around a mention in a text (Miller et al.
// 2016, "center encoding"): each is a token of its own beside the one of the same text. Several threads may read at
// once.
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

// What a token stands for. The numbers are those of files.
enum class TokenKind : std::uint8_t {
    special = 0,
    word = 1,
    entity = 2,
    relation = 3,
    second_word = 4,  // a word and an entity of the second dictionary
    second_entity = 5
};

// The kind of the same text in the second dictionary; other kinds stay as they are. The second function is its inverse.
constexpr TokenKind second_kind(TokenKind kind) {
    return kind == TokenKind::word     ? TokenKind::second_word
           : kind == TokenKind::entity ? TokenKind::second_entity
                                       : kind;
}
constexpr TokenKind first_kind(TokenKind kind) {
    return kind == TokenKind::second_word     ? TokenKind::word
           : kind == TokenKind::second_entity ? TokenKind::entity
                                              : kind;
}

// Stands for every word that is not in a vocabulary, or was never seen in training.
inline constexpr Token unknown_token = 0;

class Vocabulary {
  public:
    Vocabulary();  // holds unknown_token, "<unknown>"

    // The token of this text, added with count 0 if it is new. Throws Error beyond 2^31 - 1 tokens.
    Token add(TokenKind kind, std::string_view text);
    std::optional<Token> find(TokenKind kind, std::string_view text) const;
    // Makes room for this many tokens.
    void reserve(Token size);

    // From now on, find() and add() also find a word by to_lower() of its text, unless that is another word's text.
    // Files of older versions have words in another lower case.
    void find_words_by_lower_case();

    // The number of tokens, and what one stands for. A token must be from 0 to below the size.
    Token size() const { return static_cast<Token>(entries_.size()); }
    const std::string& text(Token token) const { return entry(token).text; }
    TokenKind kind(Token token) const { return entry(token).kind; }

    // How often the token occurs in a model's training data: the training split and the shared memory.
    std::int64_t count(Token token) const { return entry(token).count; }
    void set_count(Token token, std::int64_t count) { entries_.at(token).count = count; }

  private:
    struct Entry {
        std::string text;
        TokenKind kind;
        std::int64_t count;
    };
    const Entry& entry(Token token) const { return entries_.at(token); }
    Token find(std::uint64_t hash, TokenKind kind, std::string_view text) const;  // or -1
    std::optional<Token> by_lower_case(TokenKind kind, std::string_view text) const;

    std::vector<Entry> entries_;
    NumberTable tokens_;  // by kind and text; filling it is the largest cost of opening a vocabulary
    std::unordered_map<std::string, Token> words_by_lower_case_;  // of find_words_by_lower_case()
};

// The name of the reversed relation: "directed_by" <-> "~directed_by".
std::string reversed_relation(std::string_view relation);

}  // namespace kvmem
