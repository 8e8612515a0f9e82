// The questions that `kvmem plot` shows, with their attention weights.
#pragma once

#include "plot_page.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

// Chooses up to `count` questions: half with right answers, then half with wrong ones, as far as they suffice. Tasks
// take turns, each with its first questions; for wrong answers, tasks with more errors come first.
std::vector<Example> choose_examples(std::span<const ModelSource> sources, const std::string& split,
                                     const Evaluation& evaluation, Index count);

}  // namespace kvmem::apps
