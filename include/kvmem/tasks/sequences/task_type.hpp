// Sequences as types of tasks for training runs: targets from sources, and text that goes on.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <vector>

namespace kvmem {

// Turns sources into targets. The data are a kvmem-pairs file, and the score is the share of validation sources whose
// greedy output is one of their references.
const TaskType& sequence_transduction();
std::vector<const ModelType*> transduction_models();

// Goes on with a text. The data are a kvmem-text file, and the score is the mean cross-entropy of a validation symbol
// in nats.
const TaskType& language_modelling();
std::vector<const ModelType*> text_models();

}  // namespace kvmem
