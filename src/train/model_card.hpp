// The model card of a run, its README.md: what it is, what it was trained on, how well it does.
#pragma once

#include "kvmem/train/config.hpp"
#include "kvmem/train/objective.hpp"

#include <string>

namespace kvmem {

// `directory` is where the run lies.
std::string model_card(Objective& objective, const ScoreType& score, const RunConfig& config, const TrainerState& state,
                       StopReason reason, const std::string& directory);

}  // namespace kvmem
