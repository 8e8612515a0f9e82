// A question as documents are searched with it.
#pragma once

#include "kvmem/tasks/qa/documents/postings.hpp"

namespace kvmem::documents {

// What kind of answer a question expects.
enum class Expected : std::uint8_t { anything, number, name };

// The words of a question, each once, in their order.
struct Query {
    struct Term {
        std::string word;
        Token stem;     // or -1
        double weight;  // a_s idf_s
    };
    std::vector<Term> terms;
    double sum = 0;  // of all weights
    Expected expected = Expected::anything;

    // Whether the question has this word.
    [[nodiscard]] bool has(std::string_view word) const;
};

// Throws Error for a question that is not UTF-8.
Query make_query(std::string_view question, const Postings& postings, Index passages);

}  // namespace kvmem::documents
