// The lists of models that write sequences. A new model is a file of its own and two lines here.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "tasks/sequences/model_type.hpp"

namespace kvmem {

const SequenceModelType& seq2seq();
const SequenceModelType& transformer();
const SequenceModelType& recurrent_text();
const SequenceModelType& language_model();

std::vector<const ModelType*> transduction_models() { return {&seq2seq(), &transformer()}; }
std::vector<const ModelType*> text_models() { return {&recurrent_text(), &language_model()}; }

ListedSequenceModel find_sequence_model(const std::string& kind) {
    std::string kinds;
    for (const TaskType* task : {&sequence_transduction(), &language_modelling()})
        for (const ModelType* type : task->models()) {
            if (type->kind() == kind) return {task, static_cast<const SequenceModelType*>(type)};
            kinds += (kinds.empty() ? "" : " or ") + type->kind();
        }
    throw UsageError({.what = "not a model of sequences", .expected = kinds, .got = kind});
}

std::unique_ptr<SequenceNetwork> make_sequence_network(const Settings& settings, SequenceUnits units, Start start) {
    return find_sequence_model(settings.kind()).type->make(settings, std::move(units), start);
}

}  // namespace kvmem
