// A cluster of threads in this process, for tests: what holds on it holds on machines.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <functional>

namespace kvmem {

// Runs the body once for each rank, on a thread of its own, and returns when all have ended. A body that throws makes
// the others throw Error in their next call. Rethrows the first exception; if it is an Error, its `where` names the
// rank.
void run_on_threads(Index size, const std::function<void(Cluster&)>& body);

}  // namespace kvmem
