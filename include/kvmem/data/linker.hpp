// Finds the entities that a text names.
//
// Greedy longest match, left to right, of the text's words against the words of every entity's name, not
// regarding case. Names in [brackets] are taken at their word. Reading is safe from several threads.
#pragma once

#include "kvmem/core/types.hpp"
#include "kvmem/data/tokenizer.hpp"
#include "kvmem/data/vocabulary.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// A text as a model reads it.
struct LinkedText {
    std::vector<Token> tokens;               // words and entities in the text's order; unknown words are unknown_token
    std::vector<Token> entities;             // the entities among them
    std::vector<std::string> unknown_words;  // what became unknown_token
};

struct LinkOptions {
    // Entities whose whole name is a word that training questions often use as a plain word ("act", "films")
    // count only in brackets, or when the text names no other.
    bool avoid_common_words = true;
};

class Linker {
  public:
    // Indexes the entities of a vocabulary, which must outlive it.
    explicit Linker(const Vocabulary& vocabulary);
    ~Linker();
    Linker(Linker&&) noexcept;
    Linker& operator=(Linker&&) noexcept;

    // Throws Error for text that is not UTF-8 or has a bracket without its partner.
    LinkedText link(std::string_view text, const LinkOptions& options = {}) const;

    // Entities of this name: exactly as written if there is one, otherwise all that differ only in case.
    std::vector<Token> find(std::string_view name) const;

    // Up to `count` entities whose names are nearest to a part of the text by edit distance, best first.
    std::vector<Token> nearest(std::string_view text, int count) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem
