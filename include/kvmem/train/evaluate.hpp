// How well a model answers a split's questions.
#pragma once

#include "kvmem/models/model.hpp"

#include <functional>

namespace kvmem {

// Every question counts, also one without a right answer among the candidates, which no model can hit. All
// candidates are ranked; a question with a score that is not finite is missed; equal scores in the order of the
// candidates.
struct Metrics {
    Index questions = 0;
    double hits_at_1 = 0;             // share of the questions whose first candidate is right
    double hits_at_10 = 0;            // ... that have a right one among the first ten
    double mean_reciprocal_rank = 0;  // of the best right candidate; 0 where there is none
    // Mean of -log p(best right candidate) among all candidates without the other right ones, over the questions that
    // have one and scores that are finite; 0 when there are none.
    double loss = 0;
};

// `dataset` holds the split's memory, in the model's own tokens; `progress` is called with the number of
// questions done, from several threads. The result has the same bits on any number of threads.
Metrics evaluate(const Model& model, const QaDataset& dataset, const Split& split, const Retriever& retriever,
                 const std::function<void(Index done)>& progress = {});

}  // namespace kvmem
