// How well the sentences of a passage answer a question (kvmem/tasks/qa/documents/search.hpp).
#pragma once

#include "kvmem/core/matrix.hpp"
#include "tasks/qa/documents/query.hpp"

#include <span>

namespace kvmem::documents {

// Scores the sentences of one passage at a time.
class SentenceScores {
  public:
    // All must outlive the object. `stems` are those of all tokens, `term_of` are terms_of_stems(), `mean_tokens` is
    // the mean of all sentences.
    SentenceScores(const Corpus& corpus, std::span<const Token> stems, std::span<const std::int16_t> term_of,
                   const Query& query, double mean_tokens);

    // Reads a passage of the corpus, whose score by BM25 is given.
    void read(const Passage& passage, double passage_score);

    // The score of a sentence of the passage, counted from its first one.
    [[nodiscard]] double score(Index sentence) const { return scores_[sentence]; }
    // What each term adds to it, as shares that sum to 1 or are all 0.
    [[nodiscard]] std::vector<double> weights(Index sentence) const;

  private:
    void read_sentence(const Sentence& sentence, std::span<double> matches, double& addition);
    [[nodiscard]] bool has_expected(const Sentence& sentence) const;
    [[nodiscard]] double attended(Index sentence, std::size_t term) const;

    const Corpus& corpus_;
    std::span<const Token> stems_;
    const Query& query_;
    double mean_tokens_;
    std::span<const std::int16_t> term_of_;
    std::vector<Token> stem_of_;  // of each term; -1: the corpus lacks it
    Index sentences_ = 0;
    std::vector<double> matches_;    // [sentences, terms]
    std::vector<double> in_fields_;  // [terms]
    std::vector<double> scores_;
};

}  // namespace kvmem::documents
