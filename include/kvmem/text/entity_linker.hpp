// Finds the entities that a text names.
//
// The text's words are matched with the words of every entity's name, not regarding case. Of matches that overlap
// the longest is taken, then the one with most words that are rare (see below), then the first. Where several entities
// have those words, those spelled as the text are taken, otherwise those that differ only in Unicode's normal form,
// otherwise those that differ only in case, otherwise all. Names in [brackets] are taken at their word.
//
// The last word of a name may have a possessive "'s" that the name has not. It is then the word "s", as it is behind
// brackets; link() leaves it out if training never saw it.
//
// Knowledge bases hold entities called "what", "Act" or "The Movie", so a match outside of brackets whose words
// all occur as plain words in training questions (their count in the vocabulary is above 0) is weak: it counts
// only in a text that names nothing else, of one word only if spelled as the name, and then only one does: the longest,
// then the one whose rarest word training questions use least.
//
// Reading is safe from several threads.
#pragma once

#include "kvmem/core/types.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "kvmem/text/vocabulary.hpp"

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

// A part of a text, its bytes [begin, end): a name with the entities that it may mean, or a word.
struct TextPart {
    std::size_t begin;
    std::size_t end;
    std::string word;             // in lower case; empty for a name
    std::vector<Token> entities;  // rising; empty for a word
};

// An entity that a part of a text, its bytes [begin, end), may have meant.
struct NearName {
    Token entity;
    double distance;  // edits to make one of the other, as a share of the name's letters
    std::size_t begin;
    std::size_t end;
    bool common;  // whether training questions use all words of the part
};

struct LinkOptions {
    bool avoid_common_words = true;  // tell weak matches from others, as above
};

class EntityLinker {
  public:
    // Indexes the entities of a vocabulary, which must outlive it. Entities added later are not found. Names of
    // more than 64 words are found in brackets only. With `in_use`, a flag for each token, the other entities are as if
    // they were not there.
    explicit EntityLinker(const Vocabulary& vocabulary, std::vector<bool> in_use = {});
    ~EntityLinker();
    EntityLinker(EntityLinker&&) noexcept;
    EntityLinker& operator=(EntityLinker&&) noexcept;

    // Throws Error for text that is not UTF-8 or has a bracket without its partner.
    LinkedText link(std::string_view text, const LinkOptions& options = {}) const;

    // The same with a part of the text read as an entity.
    LinkedText link_as(std::string_view text, const NearName& name) const;

    // The same before words become tokens. Throws alike.
    std::vector<TextPart> parts(std::string_view text, const LinkOptions& options = {}) const;

    // Entities of this name: exactly as written if there is one, otherwise all that differ only in normal form,
    // otherwise all that differ only in case, otherwise all of the same words.
    std::vector<Token> find(std::string_view name) const;

    // Up to `count` entities whose names are nearest to a part of the text by edit distance, best first: what
    // may have been meant by a text without entities. None that differs in more than a third of its letters.
    std::vector<NearName> nearest(std::string_view text, int count) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem
