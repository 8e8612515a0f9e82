// The tokens of a sentence: mentions of names, and the words between them.
#pragma once

#include "kvmem/tasks/qa/documents/representation.hpp"
#include "text/name_index.hpp"

#include <string>
#include <vector>

namespace kvmem::documents {

// A place of the stream, its bytes [begin, end) in the text of the sentence.
struct Place {
    std::size_t begin, end;
    std::string word;             // of a place without names
    std::vector<Token> entities;  // distinct
    bool capital = false;         // whether a mention is spelled with a capital
};

// Finds mentions. Several threads may use it at once.
class MentionFinder {
  public:
    // Indexes the entities of the vocabulary, which must outlive the finder.
    MentionFinder(const Vocabulary& vocabulary, Mentions which) : names_(vocabulary), which_(which) {}

    // The places of a sentence's text. Throws Error for text that is not UTF-8.
    std::vector<Place> stream(std::string_view text) const;

  private:
    struct Text;
    struct Match {
        std::size_t first, words;
        std::size_t end;  // byte
        std::vector<Token> entities;
    };
    std::vector<Match> matches_at(const Text& text, std::size_t first, std::size_t max_words) const;
    std::vector<Token> named(const Text& text, std::size_t first, std::span<const Word> words,
                             std::uint64_t hash) const;
    std::vector<Match> longest(const Text& text) const;
    void add_inner(const Text& text, Match& match) const;

    NameIndex names_;
    Mentions which_;
};

}  // namespace kvmem::documents
