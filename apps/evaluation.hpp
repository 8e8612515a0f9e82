// All that evaluate and plot measure of one model, or of the models of several tasks together.
#pragma once

#include "kvmem/tasks/qa/evaluate.hpp"
#include "model_source.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

struct Evaluation {
    Metrics metrics;
    std::vector<TaskReport> tasks;   // empty when the data set has none
    SupportReport support;           // without questions when the split does not tell
    std::vector<std::string> paths;  // of each task: the relations most often followed; empty: none were
    bool retrieves = true;           // whether the model reads slots that were found for it; if so:
    double recall = 0;               // share of the questions with a right answer in the slots read
    double slots = 0;                // read by a question, mean
    double seconds = 0;              // that answering took
    // Of each source, its questions.
    std::vector<std::vector<Outcome>> outcomes;
};

// Shows progress. Puts the data sets into the tokens of their models: a source is evaluated once. Throws Error when
// there is no such split, or it has no questions.
Evaluation evaluate_all(std::span<ModelSource> sources, const std::string& split);

}  // namespace kvmem::apps
