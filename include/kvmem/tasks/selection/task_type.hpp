// The choice of answer sentences as a type of tasks for training runs.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <vector>

namespace kvmem {

// Ranks the sentences that may answer a question. The data are a kvmem-sentences file, and the score is the
// weight on the right sentences of the validation split (right_weight() of evaluate.hpp).
const TaskType& answer_selection();
std::vector<const ModelType*> selection_models();

}  // namespace kvmem
