// Measurements of one model, or of the models of several tasks together, for `evaluate` and `plot`.
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
    SupportReport support;           // without questions if the split names no supporting slots
    std::vector<std::string> paths;  // for each task, the most frequent path of relations, or ""
    bool retrieves = true;           // whether the model reads slots that a Retriever found; if so:
    double recall = 0;               // share of the questions with a right answer in the slots read
    double slots = 0;                // mean number of slots that a question reads
    double seconds = 0;              // time to answer all questions
    RefusalReport refusals;          // of models that follow facts, whose answers may be too uncertain
    // For each source, the outcomes of its questions.
    std::vector<std::vector<Outcome>> outcomes;
};

// Shows progress. It translates the data sets to the tokens of their models, so a source can be evaluated only once.
// Throws Error when the split is missing or has no questions.
Evaluation evaluate_all(std::span<ModelSource> sources, const std::string& split);

}  // namespace kvmem::apps
