// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/qa/model.hpp"
#include "train/model_entry.hpp"

#include <vector>

namespace kvmem {

using QaModelType = ModelEntry<Model, ModelWords, std::vector<Token>, const LoadParameter&>;

}  // namespace kvmem
