// Which questions `kvmem plot` shows, and what was read for them.
#pragma once

#include "plot_page.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

// Up to `count` questions: half of them answered right, the first ones of the tasks in turn, then wrong ones, the
// first of the tasks in turn, those with most errors first. Where one kind lacks, more of the other.
std::vector<Example> choose_examples(std::span<const ModelSource> sources, const std::string& split,
                                     const Evaluation& evaluation, Index count);

}  // namespace kvmem::apps
