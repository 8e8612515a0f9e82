// The page that `kvmem plot` writes: learning curves, errors of tasks, attention of examples, settings; one file of
// HTML without scripts that asks nothing of the network.
#pragma once

#include "evaluation.hpp"
#include "svg.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::apps {

// What metrics.jsonl tells of a run.
struct LearningCurve {
    struct Epoch {
        double number = 0, loss = 0;
        Index phase = 0;
        std::optional<double> valid_loss, hits_at_1;
    };
    std::string name;
    std::vector<Epoch> epochs;
};

// A question with what was answered and read.
struct Example {
    std::string task, question, answer, expected;
    std::string path;   // that the answer came by, of a model that follows facts
    double weight = 0;  // of the answer
    bool right = false;
    HeatMap reads;
    Index slots = 0;  // that it had; reads.rows are those shown
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
