// An inverted index over the passages of a collection: which passages have a stem, and how often.
#pragma once

#include "kvmem/tasks/qa/documents/collection.hpp"

#include <filesystem>
#include <memory>

namespace kvmem::documents {

// Where else than in its text a passage has a stem, as bits.
enum Field : std::uint8_t { in_heading = 1, in_title = 2 };

// The postings of a stem are those from offsets[stem] to offsets[stem + 1], by rising passage.
struct Postings {
    std::string language = "english";   // of the stems: a name of Snowball's, or "none"
    std::vector<std::string> stems;     // rising by bytes; those of titles are among them
    std::vector<Token> stem_of;         // the stem of each word of the collection
    std::vector<Index> offsets{0};      // a stem more than there are
    std::vector<std::int32_t> passage;  // a heading is found by its passages, and itself only if it has none
    std::vector<std::uint8_t> count;    // how often the passage's text has the stem, up to 255
    std::vector<std::uint8_t> fields;   // bits of Field: the headings above the passage, the title of its document

    // The number of a stem, or -1.
    [[nodiscard]] Token find(std::string_view stem) const;
    // Throws Error, with `where`, unless all numbers are consistent with each other and with the collection.
    void validate(const Collection& collection, const std::string& where) const;
    bool operator==(const Postings&) const = default;
};

// Documents with their index.
struct Corpus {
    // The documents, and the index of their passages.
    Collection collection;
    Postings postings;
    // Whether both are equal.
    bool operator==(const Corpus&) const = default;
};

// The postings of a collection. Works on all threads. Throws UsageError for a language that Snowball does not know.
Postings make_postings(const Collection& collection, const std::string& language = "english");

// The stem of a word in the spelling of split_words(), without a possessive "'s" and without accents. Throws UsageError
// as above.
std::string stem(std::string_view word, const std::string& language);

// Reads the documents of a kvmem-qa file. Throws Error for a file that is none or has no documents.
std::shared_ptr<const Corpus> load_documents(const std::filesystem::path& path);

}  // namespace kvmem::documents
