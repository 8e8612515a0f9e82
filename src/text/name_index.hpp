// Entities by the words of their names, for the EntityLinker.
//
// The index is a sorted array of hashes, which takes milliseconds to build for tens of thousands of names: a program
// that answers one question builds it anew. Names are compared in the vocabulary.
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
    static constexpr std::size_t max_words = 64;      // of a name; longer ones are left out
    static constexpr std::size_t max_namesakes = 32;  // entities with the same words

    // Indexes the entities whose flag is set, or all if `in_use` is empty.
    explicit NameIndex(const Vocabulary& vocabulary, std::vector<bool> in_use = {});

    const Vocabulary& vocabulary() const { return *vocabulary_; }
    bool is_in_use(Token token) const { return in_use_.empty() || in_use_.at(token); }

    // An upper bound of the number of words of names that begin with the word of this hash.
    std::size_t max_words_from(std::uint64_t word_hash) const;

    // The entities whose names have these words, in rising order. `hash` is extend() over the words' hashes.
    std::vector<Token> find(std::span<const Word> words, std::uint64_t hash) const;

    // Calls visit(token) for every indexed entity.
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
    // By the upper bits of the first word's hash. Words that share an element only cost a needless search.
    std::vector<std::uint8_t> max_words_;
};

}  // namespace kvmem
