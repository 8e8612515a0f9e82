// Verbs that several processes run together, under `mpirun`.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <functional>

namespace kvmem::apps {

// Calls the verb with the cluster of the ranks that a launcher of MPI has started, this process among them, or with
// null for a process alone. An exception on any rank ends all of them with one line, which names the rank. Ranks
// above 0 wait 3 to 4 s before, in which rank 0, if it has the same exception, saves its model. Only rank 0 has stdout.
int on_ranks(const std::function<int(Cluster*)>& verb);

}  // namespace kvmem::apps
