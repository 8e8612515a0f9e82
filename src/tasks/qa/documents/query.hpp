// A question as documents are searched with it.
#pragma once

#include "kvmem/tasks/qa/documents/postings.hpp"
#include "tasks/qa/documents/spellings.hpp"

#include <optional>
#include <span>

namespace kvmem::documents {

// What kind of answer a question expects. How something is done takes a whole sentence to say.
enum class Expected : std::uint8_t { anything, number, date, name, place, reason, manner };

inline constexpr std::size_t max_question_words = 256;

// The words of a question, each once, in their order.
struct Query {
    struct Term {
        std::string word;
        std::optional<std::string> stem{};  // none if no document has it
        double weight = 0;                  // a_s idf_s, and less of a misspelt word
        std::string read_as{};              // the word of the documents that a misspelt one was taken for
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

// What weights are made of: words in all documents that are searched. Several threads may call it.
class WordStatistics {
  public:
    virtual ~WordStatistics() = default;
    // A name of Snowball's, or "none".
    [[nodiscard]] virtual std::string language() const = 0;
    [[nodiscard]] virtual Index passages() const = 0;  // of all documents
    // How many passages have each of these stems; -1 for a stem that no document has.
    [[nodiscard]] virtual std::vector<Index> frequencies(std::span<const std::string> stems) const = 0;
    [[nodiscard]] virtual std::vector<NearWords> near_words(std::span<const std::string> words) const = 0;
};

// Throws Error for a question that is not UTF-8.
Query make_query(std::string_view question, const WordStatistics& documents);

}  // namespace kvmem::documents
