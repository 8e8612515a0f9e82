// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/selection/model.hpp"
#include "train/model_entry.hpp"

namespace kvmem {

using SelectionModelType = ModelEntry<SelectionModel, SentenceLexicon, Start>;

template <class M, class Config, class Recommended>
SelectionModelType selection_model_type(std::string about, Recommended recommended) {
    return SelectionModelType::of<M, Config>(std::move(about), std::move(recommended));
}

}  // namespace kvmem
