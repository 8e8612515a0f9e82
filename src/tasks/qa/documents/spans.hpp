// The words of a sentence that answer a question (kvmem/tasks/qa/documents/search.hpp).
#pragma once

#include "kvmem/tasks/qa/documents/search.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "tasks/qa/documents/searched.hpp"

#include <array>
#include <optional>
#include <span>
#include <vector>

namespace kvmem::documents {

// Finds the best span of one sentence at a time. p(span) is the softmax of w . features + w_kind . features over all
// spans of up to 12 words that neither begin nor end with a function word.
class SpanScores {
  public:
    // What spans show to all questions, and to those of one kind.
    using SharedFeatures = std::array<double, 16>;
    using KindFeatures = std::array<double, 16>;

    // All must outlive the object. `passages` is the number of all that are searched, `term_of` are terms_of_stems().
    SpanScores(const FoundPassages& part, Index passages, std::span<const std::int16_t> term_of, const Query& query);

    // The best span. Its confidence is the share of words (F1) that it is expected to have in common with the right
    // one.
    std::optional<AnswerSpan> best(const Sentence& sentence);

  private:
    struct Edges;
    // A word of the sentence.
    struct Mark {
        std::string_view word{};
        Index term = -1;  // of the question
        bool number = false, date = false, capital = false, function = false;
        bool soft = false, hard = false;  // whether a comma, or a sign that spans end at, stands before it
        bool joined = false;              // whether the number before it goes on, as in "18,450" or "10:45"
        double rarity = 0;                // the share of the largest idf, for a word that the question lacks
        double left = 0, right = 0;       // the question's words before and behind, by their weight and nearness
    };

    void read(const Sentence& sentence);
    void mark();
    [[nodiscard]] Mark mark_of(Index token, std::string_view spelled, std::string_view gap, bool after_digit) const;
    void attend();
    void add(Range span);
    [[nodiscard]] SharedFeatures shared_features(const Edges& span) const;
    [[nodiscard]] static KindFeatures kind_features(const Edges& span);
    [[nodiscard]] AnswerSpan answer_of(Range span) const;
    [[nodiscard]] Index sign_size(Index gap, bool before, std::span<const std::string_view> signs) const;

    const FoundPassages& part_;
    const Corpus& corpus_;
    Index passages_;
    std::span<const std::int16_t> term_of_;
    const Query& query_;
    const Sentence* sentence_ = nullptr;
    std::string_view text_;
    std::vector<Word> words_;
    std::vector<Mark> marks_;   // of each word
    std::vector<Range> spans_;  // of words, counted from the sentence's first one
    std::vector<double> scores_;
};

}  // namespace kvmem::documents
