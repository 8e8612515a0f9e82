// The lists of models that write sequences. A new model is a file of its own and two lines here.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "tasks/sequences/model_type.hpp"

namespace kvmem {

const SequenceModelType& seq2seq();
const SequenceModelType& recurrent_text();

std::vector<const ModelType*> transduction_models() { return {&seq2seq()}; }
std::vector<const ModelType*> text_models() { return {&recurrent_text()}; }

std::unique_ptr<SequenceNetwork> make_sequence_network(const Settings& settings, SequenceUnits units, Start start) {
    for (const TaskType* task : {&sequence_transduction(), &language_modelling()})
        for (const ModelType* type : task->models())
            if (type->kind() == settings.kind())
                return static_cast<const SequenceModelType*>(type)->make(settings, std::move(units), start);
    throw UsageError(
        {.what = "not a model of sequences", .expected = "seq2seq or recurrent-text", .got = settings.kind()});
}

}  // namespace kvmem
