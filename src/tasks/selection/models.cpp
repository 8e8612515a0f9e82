// The list of models that choose sentences. A new model is a file of its own and two lines here.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "tasks/selection/model_type.hpp"

namespace kvmem {

const SelectionModelType& sentence_selector();

std::vector<const ModelType*> selection_models() { return {&sentence_selector()}; }

std::unique_ptr<SelectionModel> make_selection_model(const Settings& settings, SentenceLexicon lexicon, Start start) {
    std::string kinds;
    for (const ModelType* type : selection_models()) {
        if (type->kind() == settings.kind())
            return static_cast<const SelectionModelType*>(type)->make(settings, std::move(lexicon), start);
        kinds += (kinds.empty() ? "" : " or ") + type->kind();
    }
    throw UsageError({.what = "not a model that chooses sentences", .expected = kinds, .got = settings.kind()});
}

}  // namespace kvmem
