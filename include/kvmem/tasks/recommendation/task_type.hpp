// Recommendation as a type of tasks for training runs.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <vector>

namespace kvmem {

// Ranks items for users. The data are a kvmem-events file, and the score is NDCG@10 or AUC of the validation split, as
// the model's settings choose.
const TaskType& recommendation();
std::vector<const ModelType*> recommendation_models();

}  // namespace kvmem
