// The page of `kvmem plot`: learning curves, errors of tasks, attention of examples, and settings. It is one file of
// HTML without scripts and links.
#pragma once

#include "evaluation.hpp"
#include "svg.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::apps {

// The contents of a run's metrics.jsonl.
struct LearningCurve {
    struct Epoch {
        double number = 0, loss = 0;
        Index phase = 0;
        std::optional<double> valid_loss, hits_at_1;
    };
    std::string name;
    std::vector<Epoch> epochs;
};

// A question with its answer and the attention weights.
struct Example {
    std::string task, question, answer, expected;
    std::string path;   // the path to the answer, if the model follows facts
    double weight = 0;  // of the answer
    bool right = false;
    HeatMap reads;
    Index slots = 0;  // the question's number of slots; reads.rows may be fewer
};

struct PlotPage {
    std::string title, summary;
    std::vector<LearningCurve> curves;
    std::string split;
    Evaluation evaluation;
    std::vector<Example> examples;
    std::vector<std::pair<std::string, std::string>> settings;
};

std::string html(const PlotPage& page);

}  // namespace kvmem::apps
