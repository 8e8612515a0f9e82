// Training steps with kvmem's tape, its operations and its optimiser.
#pragma once

#include "protocol.hpp"

namespace bench {

// The batch is cut over tapes, which may run at once, and each tape takes its share in `parts`, one after the
// other, whose gradients add up: smaller parts fit the caches.
struct Sharding {
    Index tapes, parts;
};
// Null: not a training step.
std::unique_ptr<Task> kvmem_training(const Case& c, Sharding sharding);

}  // namespace bench
