// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/recommendation/model.hpp"
#include "kvmem/train/task_type.hpp"

#include <memory>
#include <string>
#include <utility>

namespace kvmem {

struct RecommendationModelType : ModelType {
    std::unique_ptr<RecommendationModel> (*make)(const Settings&, Catalog, Start);
};

// The entry of the model M with settings of the type Config. `recommended` sets the trainer options that its runs
// begin with.
template <class M, class Config, class Recommended>
RecommendationModelType recommendation_model_type(std::string about, Recommended recommended) {
    RecommendationModelType type{
        {Config{}, std::move(about), {}, {}},
        [](const Settings& settings, Catalog catalog, Start start) -> std::unique_ptr<RecommendationModel> {
            return std::make_unique<M>(*settings.get<Config>(), std::move(catalog), start);
        }};
    type.recommended.model = type.defaults;
    recommended(type.recommended.trainer);
    return type;
}

// That of a model without parameters: one epoch writes its files.
template <class M, class Config>
RecommendationModelType counting_model_type(std::string about) {
    return recommendation_model_type<M, Config>(std::move(about), [](TrainerOptions& t) { t.epochs = 1; });
}

}  // namespace kvmem
