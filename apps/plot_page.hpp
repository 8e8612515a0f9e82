// The page of `kvmem plot`: learning curves, sections of the task, and settings. It is one file of HTML without scripts
// and links.
#pragma once

#include "kvmem/train/objective.hpp"
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
        std::optional<double> valid_loss, score;
    };
    std::string name;
    std::vector<Epoch> epochs;
};

struct PlotPage {
    std::string title, summary, result;  // The result is what was measured, in a line.
    ScoreType score;                     // of the curves
    std::vector<LearningCurve> curves;
    std::string sections;  // HTML of the task's own
    std::vector<std::pair<std::string, std::string>> settings;
};

std::string html(const PlotPage& page);

// Parts of sections: an element around a text, of the class `kind`; a box around a chart.
std::string tag(const std::string& name, const std::string& text, const std::string& kind = {});
std::string chart(const std::string& picture);
// A whole page of a title and sections.
std::string html(const std::string& title, const std::string& sections);

}  // namespace kvmem::apps
