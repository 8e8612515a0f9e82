// How well a search answers the questions that its documents ask of themselves (SQuAD).
#pragma once

#include "kvmem/tasks/qa/documents/search.hpp"

namespace kvmem::documents {

// What evaluate() counts.
struct SearchMetrics {
    // Of questions with answers: how many, the share whose first sentence holds a part of an answer, and the mean of 1
    // / rank of the first such sentence among ten (0 if none).
    Index questions = 0;
    double hits_at_1 = 0, mrr_at_10 = 0;
    // Of the first answers, a sentence or the span in it: the share that is a right answer word by word, and the mean
    // of the shares of words in common with the nearest right one (F1), both without articles. And the share with a
    // span.
    double exact = 0, f1 = 0, spans = 0;
    // At the threshold: the share of these questions that are answered; and of all questions, asked of the documents
    // without their own one, the share that are not.
    double threshold = 0, answered = 0, refused = 0;
    // The threshold at which 90 % of the questions with answers are answered, and what is refused there.
    double calibrated = 0, refused_at_90 = 0;
};

// Asks all questions, on all threads. Throws Error for a corpus without questions that have answers.
SearchMetrics evaluate(const Search& search, double threshold = default_threshold, const SentenceRanking& rank = {});

}  // namespace kvmem::documents
