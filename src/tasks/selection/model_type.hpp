// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/selection/model.hpp"
#include "train/model_entry.hpp"

namespace kvmem {

using SelectionModelType = ModelEntry<SelectionModel, SentenceLexicon, Start>;

}  // namespace kvmem
