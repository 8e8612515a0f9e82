// The entry of a model in the list of models. Each model's source makes its own. Not installed.
#pragma once

#include "kvmem/tasks/selection/model.hpp"
#include "train/model_entry.hpp"

namespace kvmem {

using SelectionModelType = ModelEntry<SelectionModel, SentenceLexicon, Start>;

// The training that models of sentences begin with.
inline void usual_training(TrainerOptions& t) {
    t.epochs = 10;
    t.min_steps = 300;
    t.batch = 16;
    t.schedule.rate = 0.002;
    t.optimizer.method = Method::adam;
    t.average = 0.95;
    t.patience = 0;
}

}  // namespace kvmem
