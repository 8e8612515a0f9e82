// Words of English that say little by themselves. Not installed.
#pragma once

#include <algorithm>
#include <string_view>

namespace kvmem {

// Rising by bytes.
inline constexpr std::string_view function_words[] = {
    "a",    "about", "an",    "and",  "are",   "as",    "at",   "be",   "been", "by",    "can", "could", "did",
    "do",   "does",  "for",   "from", "had",   "has",   "have", "he",   "her",  "his",   "how", "i",     "if",
    "in",   "into",  "is",    "it",   "its",   "many",  "me",   "much", "my",   "not",   "of",  "on",    "or",
    "she",  "than",  "that",  "the",  "their", "there", "they", "this", "to",   "was",   "we",  "were",  "what",
    "when", "where", "which", "who",  "whom",  "whose", "why",  "will", "with", "would", "you", "your"};

// Whether a word in lower case is one of them.
inline bool is_function_word(std::string_view word) { return std::ranges::binary_search(function_words, word); }

}  // namespace kvmem
