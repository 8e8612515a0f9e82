// Question answering as a task that runs are of.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <string_view>
#include <vector>

namespace kvmem {

const TaskType& question_answering();

// Its models; the first is that of files which name none.
std::vector<const ModelType*> qa_models();

}  // namespace kvmem
