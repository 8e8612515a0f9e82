// The questions that `kvmem plot` shows, with their attention weights.
#pragma once

#include "evaluation.hpp"
#include "svg.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

// A question with its answer and the attention weights.
struct Example {
    std::string task, question, answer, expected;
    std::string path;   // the path to the answer, if the model follows facts
    double weight = 0;  // of the answer
    bool right = false;
    HeatMap reads;
    Index slots = 0;  // the question's number of slots; reads.rows may be fewer
};

// Chooses up to `count` questions: half with right answers, then half with wrong ones, as far as they suffice. Tasks
// take turns, each with its first questions; for wrong answers, tasks with more errors come first.
std::vector<Example> choose_examples(std::span<const ModelSource> sources, const std::string& split,
                                     const Evaluation& evaluation, Index count);

}  // namespace kvmem::apps
