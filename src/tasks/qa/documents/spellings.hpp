// The words of documents by their letters, for misspelt words of questions.
#pragma once

#include "kvmem/tasks/qa/documents/postings.hpp"

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::documents {

// The first look-up prepares it. Several threads may use it at once.
class Spellings {
  public:
    // The corpus must outlive the object.
    explicit Spellings(const Corpus& corpus) : corpus_(corpus) {}

    // A word of the documents, or an empty one, and the share of its letters that are as they were written.
    struct Nearest {
        std::string word{};
        double share = 1;
    };

    // Finds the word with the first letter of `misspelt` and at most one other letter, or two of nine and more. Accents
    // do not count. Of equally near ones it is the most frequent, then the first. Words of less than five letters, or
    // with digits, have none.
    Nearest nearest(std::string_view misspelt) const;

  private:
    struct Entry {
        std::size_t begin, size;  // in letters_
        std::uint32_t mask;       // a bit for each letter
        Index word;
    };
    void prepare() const;
    [[nodiscard]] Index uses(Index word) const;

    const Corpus& corpus_;
    mutable std::once_flag once_;
    mutable std::u32string letters_;                           // of all words, without accents
    mutable std::map<char32_t, std::vector<Entry>> by_first_;  // letter
};

}  // namespace kvmem::documents
