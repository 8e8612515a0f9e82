// The list of models that choose sentences. A new model is a file of its own and two lines here.
#include "kvmem/tasks/selection/task_type.hpp"
#include "tasks/selection/model_type.hpp"

namespace kvmem {

const SelectionModelType& sentence_selector();
const SelectionModelType& sentence_memory();
const SelectionModelType& lstm_encoder();
const SelectionModelType& transformer_encoder();

std::vector<const ModelType*> selection_models() {
    return {&sentence_selector(), &sentence_memory(), &lstm_encoder(), &transformer_encoder()};
}

std::unique_ptr<SelectionModel> make_selection_model(const Settings& settings, SentenceLexicon lexicon, Start start) {
    const ModelType& type = find_model(answer_selection(), settings.kind());
    return static_cast<const SelectionModelType&>(type).make(settings, std::move(lexicon), start);
}

}  // namespace kvmem
