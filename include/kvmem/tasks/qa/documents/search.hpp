// Questions to documents without training: passages by BM25, then the sentences of the best ones by attention.
//
// BM25 (Robertson and Zaragoza 2009) scores a passage with the stems s of the question, where n_s of N passages have s:
//
//   idf_s = log(1 + (N - n_s + 1/2) / (n_s + 1/2)),  score = sum_s a_s idf_s (k + 1) f_s / (f_s + k (1 - b + b L / mean
//   L))
//
// f_s counts s in the text, and 0.85 each in the headings above and in the title; L is the passage's tokens. a_s is
// 0.55 for function words of English and otherwise 1. A stem that no passage has counts as one that a single passage
// has.
//
// Of the best passages, every word of the question attends over the words of each sentence: its share m_s is BM25's
// with the sentence's length, or a part of that of a neighbouring sentence, or a constant where the title or a heading
// above has it, whichever is largest. The sentence's score is sum_s a_s idf_s m_s, with additions for neighbouring
// words of the question that are neighbours there, for the kind of answer that "when", "how many" and "who" expect, and
// for its passage. Divided by sum_s a_s idf_s it is the confidence.
//
// A span of the sentence, such as a name, a date or a number with its unit, is the answer if one is clear. A log-linear
// model weighs its kind against that of the question, the question's words around it, and where it begins and ends.
//
// A word of five letters and more that no document has, but no function word, is read as the nearest that one has:
// with the same first letter, and one other letter, or two of nine. a_s is then smaller by three times the share of
// other letters, but not in the confidence's divisor. This is tried for the first eight such words.
#pragma once

#include "kvmem/tasks/qa/documents/postings.hpp"

#include <functional>
#include <optional>
#include <span>

namespace kvmem::documents {

// The confidence below which `kvmem ask` says that nothing answers. With it, 90 % of XQuAD's questions are answered,
// and 91 % of those that are asked without their own article are not ('kvmem evaluate').
inline constexpr double default_threshold = 0.71;

// The confidence below which no span is shorter than its sentence.
inline constexpr double default_span_confidence = 0.5;

// The words of a sentence that answer a question.
struct AnswerSpan {
    // The bytes in the file, and the bytes in Collection::text.
    Range bytes, text;
    double confidence = 0;  // the share of words (F1) that it is expected to have in common with the right answer
};

// A sentence of a document.
struct FoundAnswer {
    // Numbers in the collection of Findings::corpus.
    Index file = 0, document = 0, passage = 0, sentence = 0;
    double confidence = 0;
    std::vector<double> weights;       // of each word of the question in the score; they sum to 1
    std::optional<AnswerSpan> span{};  // none if no part of the sentence clearly answers
};

// Scores sentences that a search has found, the best first, by other means: the higher, the better. Their numbers are
// those of the collection. The scores are as many as the sentences and finite; else the search throws Error. Several
// threads may call it.
using SentenceRanking = std::function<std::vector<double>(std::string_view question, const Collection& all,
                                                          std::span<const FoundAnswer> found)>;

// How answers are found.
struct SearchOptions {
    Index passages = 100;                              // maximum that is read for sentences
    Index answers = 5;                                 // maximum that is returned
    double threshold = default_threshold;              // confidence of an answer, at least
    double span_confidence = default_span_confidence;  // of a span, at least
    std::function<bool(Index document)> where{};       // if not empty, the documents that may answer
    SentenceRanking rank{};                            // if not empty, it orders the best 10 sentences or `answers`
};

// A passage or a sentence with its score.
struct Scored {
    // Its number in the collection, and the score of the formulas above.
    Index number = 0;
    double score = 0;
    bool operator==(const Scored&) const = default;
};

// What was found for a question.
struct Findings {
    std::vector<std::string> words;  // of the question, each once
    // Words that no document has, with the word of a document that each was read as.
    std::vector<std::pair<std::string, std::string>> respelled;
    std::vector<FoundAnswer> answers;  // the best first; of equal ones the first in the collection
    bool answered = false;             // whether any one's confidence reaches the threshold
    // The documents that the answers are in: all, or of a search in shards those passages.
    std::shared_ptr<const Corpus> corpus{};
};

// The texts of the spans of the first answer and of those of other documents that are nearly as confident, each once in
// any case: several where documents disagree. None if the first answer has no span, or nothing answers.
std::vector<std::string> short_answers(const Collection& collection, const Findings& found);

// Throws Error for a question of blanks alone, and UsageError for negative counts.
void require_answerable(std::string_view question, const SearchOptions& options);

// Reads a corpus for questions. Several threads may ask at once.
class Search {
  public:
    // Prepares a corpus. Throws UsageError for a language of stems that Snowball does not know.
    explicit Search(std::shared_ptr<const Corpus> corpus);
    ~Search();
    Search(Search&&) noexcept;
    Search& operator=(Search&&) noexcept;

    // The best passages by BM25, at most `count`, without those of score 0. Throws Error for a question that is not
    // UTF-8. Words behind the first 256 are ignored.
    std::vector<Scored> passages(std::string_view question, Index count = 100,
                                 const std::function<bool(Index document)>& where = {}) const;

    // The sentences that answer, also those below the threshold. Throws as passages() and require_answerable() do.
    Findings ask(std::string_view question, const SearchOptions& options = {}) const;

    // The documents that are read.
    const Corpus& corpus() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem::documents
