// Units: how text becomes tokens, and tokens become text.
//
//   chars  a token is a Unicode code point of the text as it is: nothing is composed and no case changes (to_nfc() and
//          to_lower() in text/tokenizer.hpp do that)
//   words  a token is what stands between ASCII blanks; a text comes back with single spaces
//   bpe    a token is a sequence of bytes that pair merging has learned (Gage 1994; Sennrich, Haddow, Birch, ACL 2016).
//          Every byte is a token, so that each text has tokens and comes back byte for byte. Each blank begins a word,
//          and belongs to it; a merge never crosses the beginning of a word.
//
// A mark is a token of its own, behind all others, with which a text may begin: "<fra>cheval" is the mark <fra> and the
// units of "cheval". It says which of several things is to be done with the text, such as the language of a word.
//
// Tokens 0, 1 and 2 are the specials <unknown>, <begin> and <end>. Encoding never gives the last two. Several threads
// may use units at once.
#pragma once

#include "kvmem/core/number_table.hpp"
#include "kvmem/core/types.hpp"
#include "kvmem/text/vocabulary.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem {

// A kind of units by its name above.
enum class UnitKind { chars, words, bpe };
std::span<const char* const> choices(UnitKind);

// Begin and end a sequence.
inline constexpr Token begin_token = 1;
inline constexpr Token end_token = 2;

// Tokens with their texts, by which texts are encoded and decoded.
class Units {
  public:
    using Merge = std::pair<Token, Token>;  // bpe: these two tokens, in this order, become one

    static constexpr Token specials = 3;            // the number of special tokens
    static constexpr Token bytes = 256;             // bpe: the number of tokens of a byte each, behind the specials
    static constexpr std::size_t max_merged = 256;  // bpe: maximum of bytes of a token

    // The specials alone; of bpe also the bytes.
    explicit Units(UnitKind kind = UnitKind::chars);
    // chars and words: the texts of the tokens behind the specials. Throws Error unless each is one character, or one
    // word, of UTF-8, and none comes twice.
    Units(UnitKind kind, std::span<const std::string> symbols);
    // bpe: the merges in the order of learning; the token of merge i is specials + bytes + i. Throws Error for tokens
    // that a merge cannot have, for a pair that comes twice, and for a token longer than max_merged.
    explicit Units(std::span<const Merge> merges);

    // Learns units from texts, of which the views must live during the call. `size` is the maximum of tokens, with the
    // specials; 0: all that occur (not of bpe). The most frequent ones stay, ties in the order of bytes. bpe merges the
    // most frequent pair, ties in the order of tokens, as long as one occurs twice. Takes time in proportion to the
    // texts, and bpe also to what its merges change. Throws UsageError for a size that is too small, and Error for text
    // that is not UTF-8.
    static Units learn(UnitKind kind, std::span<const std::string_view> texts, Index size = 0);

    // The same units with marks <name> behind the marks that are there. Throws Error for a name that is no word of
    // UTF-8 or has '<' or '>', is longer than max_merged bytes, that of a special, or there already.
    Units with_marks(std::span<const std::string> names) const;
    // The number of marks, which are the last tokens, and whether a token is one.
    Token marks() const { return marks_; }
    bool is_mark(Token token) const { return token >= size() - marks_; }

    // What the tokens are, and how many, with the specials.
    UnitKind kind() const { return kind_; }
    Token size() const { return static_cast<Token>(texts_.size()); }

    // The tokens of a text, without begin and end. A character or word that is not among the units is unknown_token.
    // Throws Error, with the byte's position, for text that is not UTF-8.
    std::vector<Token> encode(std::string_view utf8) const;
    void encode(std::string_view utf8, std::vector<Token>& tokens) const;  // appends them

    // The text of tokens, which is always UTF-8: bytes of bpe that are no character become U+FFFD. Begin and end have
    // no text, and unknown_token has "<unknown>".
    std::string decode(std::span<const Token> tokens) const;

    // A token's own text; of bpe its bytes, which may be a part of a character. Valid as long as the object.
    const std::string& text(Token token) const { return texts_.at(static_cast<std::size_t>(token)); }
    // The merges of bpe in the order of learning, as long as the object lives.
    std::span<const Merge> merges() const { return merges_; }

    // Whether all tokens and merges are equal.
    bool operator==(const Units& other) const;

  private:
    Token find(std::string_view symbol) const;  // or unknown_token
    Token find(Merge pair) const;               // the merged token, or -1
    void add_symbol(std::string_view symbol);
    void add_merge(Merge pair);
    std::string_view encode_mark(std::string_view utf8, std::vector<Token>& tokens) const;
    void encode_word(std::string_view word, std::vector<Token>& tokens) const;

    UnitKind kind_;
    std::vector<std::string> texts_;  // of all tokens
    std::vector<Merge> merges_;
    Token marks_ = 0;
    NumberTable numbers_;  // tokens by their text, or of bpe by their merge
};

}  // namespace kvmem
