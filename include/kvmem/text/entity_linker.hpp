// Finds the entities that a text names.
//
// The linker matches the text's words with the words of every entity's name, ignoring case. Of overlapping matches it
// takes the longest, then the one with the largest number of rare words (see below), then the first. If several
// entities have these words, it takes the ones with the text's exact spelling. Otherwise it takes those that differ
// only in Unicode's normal form, otherwise those that differ only in case, otherwise all. A name in [brackets] is taken
// literally.
//
// The last word of a name may have a possessive "'s" that the name lacks. That becomes the word "s", as it is behind
// brackets, and link() leaves it out if training never saw it.
//
// Knowledge bases hold entities called "what", "Act" or "The Movie". So a match outside of brackets is weak if all its
// words are plain words of training questions (their count in the vocabulary is above 0); other words are rare. A weak
// match counts only in a text without other names, and a match of one word only if it is spelled as the name. Only one
// weak match counts: the longest, then the one whose rarest word is the least frequent in training questions.
//
// In a text with a name in brackets, a match outside of them that is spelled in lower case is no name: "cast" in
// "movies with [Tom Hanks] in the cast".
//
// Several threads may read at once.
#pragma once

#include "kvmem/core/types.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "kvmem/text/vocabulary.hpp"

#include <memory>
#include <optional>
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

// A part of a text, its bytes [begin, end): a name with its possible entities, or a word.
struct TextPart {
    // The first byte, and one past the last.
    std::size_t begin;
    std::size_t end;
    std::string word;             // in lower case; empty for a name
    std::vector<Token> entities;  // in rising order; empty for a word
};

// An entity that a part of a text, its bytes [begin, end), may have meant.
struct NearName {
    // What the part may have meant.
    Token entity;
    // Letters to add, take away, change, or swap with their neighbour, as a share of the name's letters. A function
    // word that lacks at the name's beginning, as an article, counts as one.
    double distance;
    // The first byte, and one past the last.
    std::size_t begin;
    std::size_t end;
    bool common;  // whether training questions have all words of the part
};

// How names are found.
struct LinkOptions {
    bool avoid_common_words = true;  // whether weak matches are treated as described above
    bool beside_names = false;       // whether the text is a part of one with a name in brackets
};

class EntityLinker {
  public:
    // Indexes the entities of a vocabulary, which must outlive the linker. It does not find entities that are added
    // later, and finds names of more than 64 words only in brackets. `in_use` has a flag for each token: entities whose
    // flag is not set are ignored.
    explicit EntityLinker(const Vocabulary& vocabulary, std::vector<bool> in_use = {});
    ~EntityLinker();
    EntityLinker(EntityLinker&&) noexcept;
    EntityLinker& operator=(EntityLinker&&) noexcept;

    // Throws Error for text that is not UTF-8 or has a bracket without its partner.
    LinkedText link(std::string_view text, const LinkOptions& options = {}) const;

    // Another reading of the text, in which this part is its only name. Nothing if link() finds a name beside the part,
    // or a longer one across it; weak matches do not count, nor names in lower case beside a part with a capital.
    // Nothing for a part with a bracket. Nothing either unless the part explains more than link() does: it is all of
    // one of its names, covers two of them, or has a word that neither a name nor training has.
    std::optional<LinkedText> link_as(std::string_view text, const NearName& name) const;

    // The parts of the text that link() makes tokens of. Throws as link() does.
    std::vector<TextPart> parts(std::string_view text, const LinkOptions& options = {}) const;

    // The entities of this name: the one with exactly this spelling, otherwise all that differ only in normal form,
    // otherwise all that differ only in case, otherwise all with the same words.
    std::vector<Token> find(std::string_view name) const;

    // Suggestions for a text without entities: up to `count` entities whose names are nearest to a part of the text by
    // distance, nearest first. A name that differs in more than a third of its letters is left out, unless a rare
    // word of the text is one of its words.
    std::vector<NearName> nearest(std::string_view text, int count) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem
