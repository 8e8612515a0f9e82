// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/recommendation/model.hpp"
#include "train/model_entry.hpp"

namespace kvmem {

using RecommendationModelType = ModelEntry<RecommendationModel, Catalog, Start>;

// That of a model without parameters: one epoch writes its files.
template <class M, class Config>
RecommendationModelType counting_model_type(std::string about) {
    return RecommendationModelType::of<M, Config>(std::move(about), [](TrainerOptions& t) { t.epochs = 1; });
}

}  // namespace kvmem
