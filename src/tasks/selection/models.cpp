// The list of models that choose sentences. A new model is a file of its own and two lines here.
#include "kvmem/tasks/selection/task_type.hpp"
#include "tasks/selection/model_type.hpp"

namespace kvmem {

const SelectionModelType& sentence_selector();

std::vector<const ModelType*> selection_models() { return {&sentence_selector()}; }

std::unique_ptr<SelectionModel> make_selection_model(const Settings& settings, SentenceLexicon lexicon, Start start) {
    const ModelType& type = find_model(answer_selection(), settings.kind());
    return static_cast<const SelectionModelType&>(type).make(settings, std::move(lexicon), start);
}

}  // namespace kvmem
