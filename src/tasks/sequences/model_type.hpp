// The entry of a network in the list of models. Each network's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/sequences/model.hpp"
#include "kvmem/train/task_type.hpp"

#include <memory>
#include <string>
#include <utility>

namespace kvmem {

struct SequenceModelType : ModelType {
    std::unique_ptr<SequenceNetwork> (*make)(const Settings&, SequenceUnits, Start);
};

// A model in the lists, and the task that lists it.
struct ListedSequenceModel {
    const TaskType* task;
    const SequenceModelType* type;
};
// The model of this kind. Throws UsageError, which lists the kinds.
ListedSequenceModel find_sequence_model(const std::string& kind);

// The entry of the network M with settings of the type Config. `recommended` sets the trainer options that its runs
// begin with.
template <class M, class Config, class Recommended>
SequenceModelType sequence_model_type(std::string about, Recommended recommended) {
    SequenceModelType type{
        {Config{}, std::move(about), {}, {}},
        [](const Settings& settings, SequenceUnits units, Start start) -> std::unique_ptr<SequenceNetwork> {
            return std::make_unique<M>(*settings.get<Config>(), std::move(units), start);
        }};
    type.recommended.model = type.defaults;
    recommended(type.recommended.trainer);
    return type;
}

}  // namespace kvmem
