// The model card of a run, README.md: the model, its data and its score.
#pragma once

#include "kvmem/train/config.hpp"
#include "kvmem/train/objective.hpp"

#include <string>

namespace kvmem {

// `directory` is the run's, for the commands in the card.
std::string model_card(Objective& objective, const ScoreType& score, const RunConfig& config, const TrainerState& state,
                       StopReason reason, const std::string& directory);

}  // namespace kvmem
