// The words of documents by their letters, for misspelt words of questions.
#pragma once

#include "kvmem/tasks/qa/documents/postings.hpp"

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::documents {

// The words of documents that are nearest to a misspelt one.
struct NearWords {
    Index letters = 0, other = 0;      // of the misspelt word, and how many of them are others in each of these
    std::vector<std::string> words{};  // rising by bytes

    // The share of the letters that are as they were written.
    [[nodiscard]] double share() const { return 1 - static_cast<double>(other) / static_cast<double>(letters); }
    // Adds those of other documents: the nearer ones count.
    void add(const NearWords& more);
};

// The first look-up prepares it. Several threads may use it at once.
class Spellings {
  public:
    // The corpus must outlive the object.
    explicit Spellings(const Corpus& corpus) : corpus_(corpus) {}

    // Finds the words with the first letter of `misspelt` and at most one other letter, or two of nine and more.
    // Accents do not count. Words of less than five letters, or with digits, have none.
    NearWords nearest(std::string_view misspelt) const;

  private:
    struct Entry {
        std::size_t begin, size;  // in letters_
        std::uint32_t mask;       // a bit for each letter
        Index word;
    };
    void prepare() const;

    const Corpus& corpus_;
    mutable std::once_flag once_;
    mutable std::u32string letters_;                           // of all words, without accents
    mutable std::map<char32_t, std::vector<Entry>> by_first_;  // letter
};

}  // namespace kvmem::documents
