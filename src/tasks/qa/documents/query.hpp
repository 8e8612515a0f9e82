// A question as documents are searched with it.
#pragma once

#include "tasks/qa/documents/spellings.hpp"

namespace kvmem::documents {

// What kind of answer a question expects.
enum class Expected : std::uint8_t { anything, number, date, name, place, reason };

// The words of a question, each once, in their order.
struct Query {
    struct Term {
        std::string word;
        Token stem;             // or -1
        double weight;          // a_s idf_s, and less of a misspelt word
        std::string read_as{};  // the word of the documents that a misspelt one was taken for
    };
    std::vector<Term> terms;
    double sum = 0;  // of all weights, with those of words that no document has as they are spelled
    Expected expected = Expected::anything;
    Index asked = -1;  // the term behind "what", "which" or "how many": of "which city is ..." the city

    // Whether the question has this word.
    [[nodiscard]] bool has(std::string_view word) const;
};

// The first term of each stem, or -1.
std::vector<std::int16_t> terms_of_stems(const Postings& postings, const Query& query);

// Throws Error for a question that is not UTF-8.
Query make_query(std::string_view question, const Corpus& corpus, const Spellings& spellings);

}  // namespace kvmem::documents
