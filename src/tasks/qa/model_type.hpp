// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/qa/model.hpp"
#include "kvmem/train/task_type.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kvmem {

struct QaModelType : ModelType {
    std::unique_ptr<Model> (*make)(const Settings&, ModelWords, std::vector<Token>, const LoadParameter&);
};

// The entry of the model M with settings of the type Config. `recommended` sets the trainer options that its runs begin
// with.
template <class M, class Config, class Recommended>
QaModelType qa_model_type(std::string about, Recommended recommended) {
    QaModelType type{{Config{}, std::move(about), {}, {}},
                     [](const Settings& settings, ModelWords words, std::vector<Token> candidates,
                        const LoadParameter& load) -> std::unique_ptr<Model> {
                         return std::make_unique<M>(*settings.get<Config>(), std::move(words), std::move(candidates),
                                                    load);
                     }};
    type.recommended.model = type.defaults;
    recommended(type.recommended.trainer);
    return type;
}

}  // namespace kvmem
