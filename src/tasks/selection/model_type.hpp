// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/selection/model.hpp"
#include "kvmem/train/task_type.hpp"

#include <memory>
#include <string>
#include <utility>

namespace kvmem {

struct SelectionModelType : ModelType {
    std::unique_ptr<SelectionModel> (*make)(const Settings&, SentenceLexicon, Start);
};

// The entry of the model M with settings of the type Config. `recommended` sets the trainer options that its runs
// begin with.
template <class M, class Config, class Recommended>
SelectionModelType selection_model_type(std::string about, Recommended recommended) {
    SelectionModelType type{
        {Config{}, std::move(about), {}, {}},
        [](const Settings& settings, SentenceLexicon lexicon, Start start) -> std::unique_ptr<SelectionModel> {
            return std::make_unique<M>(*settings.get<Config>(), std::move(lexicon), start);
        }};
    type.recommended.model = type.defaults;
    recommended(type.recommended.trainer);
    return type;
}

}  // namespace kvmem
