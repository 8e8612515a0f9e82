// Training steps with kvmem's tape, its operations and its optimiser.
#pragma once

#include "protocol.hpp"

namespace bench {

// The batch is cut into this many shards, each on a tape of its own, as the trainer does it. Null: not a training step.
std::unique_ptr<Task> kvmem_training(const Case& c, Index shards);

}  // namespace bench
