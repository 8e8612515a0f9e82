// Checks of what a trainer is given. Not installed.
#pragma once

#include "kvmem/train/trainer.hpp"

namespace kvmem {

// Throws Error for a state that no training with at most `steps` steps in each epoch, in `phases` phases, can reach.
void require_possible(const TrainerState& state, Index steps, Index phases, const ScoreType& score);
[[noreturn]] void refuse(const TrainerState& state, Index steps);

}  // namespace kvmem
