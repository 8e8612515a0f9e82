// Entities by the words of their names, for the EntityLinker.
//
// A sorted array of hashes: it is built in milliseconds for tens of thousands of names, because a program that
// answers one question builds it anew. Names themselves stay in the vocabulary and are compared there.
#pragma once

#include "kvmem/text/tokenizer.hpp"
#include "kvmem/text/vocabulary.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kvmem {

class NameIndex {
  public:
    static constexpr std::size_t max_words = 64;      // in words; longer names are left out
    static constexpr std::size_t max_namesakes = 32;  // entities that are told apart by spelling alone

    // Of those tokens whose flag is set; empty: of all.
    explicit NameIndex(const Vocabulary& vocabulary, std::vector<bool> in_use = {});

    const Vocabulary& vocabulary() const { return *vocabulary_; }
    bool is_in_use(Token token) const { return in_use_.empty() || in_use_.at(static_cast<std::size_t>(token)); }

    // At most how many words a name has that begins with the word of this hash.
    std::size_t max_words_from(std::uint64_t word_hash) const;

    // The entities whose names have these words, rising. `hash` is extend() of all the words' hashes.
    std::vector<Token> find(std::span<const Word> words, std::uint64_t hash) const;

    // Every entity that is indexed.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const Name& name : names_) visit(name.token);
    }

    static std::uint64_t hash(std::string_view word);
    static std::uint64_t extend(std::uint64_t sequence, std::uint64_t word_hash);

  private:
    struct Name {
        std::uint64_t hash;
        Token token;
    };
    bool has_words(Token token, std::span<const Word> words) const;
    std::uint8_t& max_words_slot(std::uint64_t word_hash) { return max_words_[word_hash >> 48]; }

    const Vocabulary* vocabulary_;
    std::vector<bool> in_use_;
    std::vector<Name> names_;  // by hash, then token
    // By the upper bits of the first word's hash. Words that share a slot cost a vain search, nothing more.
    std::vector<std::uint8_t> max_words_;
};

}  // namespace kvmem
