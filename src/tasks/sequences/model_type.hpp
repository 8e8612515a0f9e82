// The entry of a network in the list of models. Each network's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/sequences/model.hpp"
#include "train/model_entry.hpp"

namespace kvmem {

using SequenceModelType = ModelEntry<SequenceNetwork, SequenceUnits, Start>;

// A model in the lists, and the task that lists it.
struct ListedSequenceModel {
    const TaskType* task;
    const SequenceModelType* type;
};
// The model of this kind. Throws UsageError, which lists the kinds.
ListedSequenceModel find_sequence_model(const std::string& kind);

}  // namespace kvmem
