// Question answering as a type of task for training runs.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <string_view>
#include <vector>

namespace kvmem {

// The task of question answering, which lives as long as the program.
const TaskType& question_answering();

// All models of the task. The first is the model of files that name none.
std::vector<const ModelType*> qa_models();

}  // namespace kvmem
