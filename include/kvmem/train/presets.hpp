// Settings of published experiments, under a name.
#pragma once

#include "kvmem/train/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// What a run of this kind of model begins with when nothing is said.
RunConfig default_run(std::string_view kind);

// memn2n-babi-1k, -1k-joint, -10k, -10k-joint: End-to-End Memory Networks on the bAbI tasks (Sukhbaatar et al. 2015,
// sections 4.2 and 4.3), one task at a time or all jointly, from 1,000 or 10,000 questions a task. Throws UsageError
// that lists the names.
RunConfig preset(std::string_view name);
std::vector<std::string> preset_names();

}  // namespace kvmem
