// Documents that questions are asked to: those of one corpus, or those of shards, of which other processes may have
// each one. Not installed.
//
// Passages are numbered through all documents. What a question finds is put into a small corpus, from which answers are
// read, so that it does not matter where the documents lie.
#pragma once

#include "kvmem/tasks/qa/documents/search.hpp"
#include "tasks/qa/documents/query.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace kvmem::documents {

// What lengths are compared with.
struct Totals {
    Index passages = 0, sentences = 0, tokens = 0;
    bool operator==(const Totals&) const = default;
};

// A sentence by its place in its passage.
struct PlacedSentence {
    Index passage = 0, place = 0;
    double score = 0, passage_score = 0;
};

// A corpus that has some passages of all documents.
struct FoundPassages {
    std::shared_ptr<const Corpus> corpus;
    std::shared_ptr<const std::vector<Token>> stems;  // of each token
    std::function<Index(Token stem)> frequency;       // passages of all documents that have it
    std::vector<Index> numbers{};                     // of its passages in all documents, rising; empty: the same

    // The corpus's number of a passage of all documents, or -1.
    [[nodiscard]] Index passage(Index number) const;
};

// Several threads may call it.
class Searched : public WordStatistics {
  public:
    [[nodiscard]] virtual Totals totals() const = 0;
    [[nodiscard]] Index passages() const final { return totals().passages; }
    // The best passages by BM25, at most `count`, without those of score 0. An empty `where` holds for all documents.
    [[nodiscard]] virtual std::vector<Scored> best_passages(const Query& query, Index count,
                                                            const std::function<bool(Index document)>& where) const = 0;
    // The best sentences of these passages, at most `count`.
    [[nodiscard]] virtual std::vector<PlacedSentence> best_sentences(const Query& query,
                                                                     std::span<const Scored> passages,
                                                                     Index count) const = 0;
    // These passages and the headings above them; they must rise.
    [[nodiscard]] virtual FoundPassages found(std::span<const Index> passages) const = 0;
};

// The better first, of equal ones the first in all documents.
inline bool is_better(const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.number < b.number;
}
inline bool is_better(const PlacedSentence& a, const PlacedSentence& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.passage != b.passage ? a.passage < b.passage : a.place < b.place;
}
// Reduces to the `count` best in their order.
template <class T>
void keep_best(std::vector<T>& all, Index count) {
    const Index best = std::min(count, std::ssize(all));
    std::partial_sort(all.begin(), all.begin() + best, all.end(),
                      [](const T& a, const T& b) { return is_better(a, b); });
    all.resize(static_cast<std::size_t>(best));
}

// The mean of the tokens of sentences.
double mean_sentence(const Totals& totals);

// Asks as Search::ask() does.
Findings ask(const Searched& documents, std::string_view question, const SearchOptions& options);

}  // namespace kvmem::documents
