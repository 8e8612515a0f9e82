// Verbs that several processes run together, under `mpirun`.
#pragma once

#include "kvmem/cluster/shards.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <filesystem>
#include <functional>
#include <vector>

namespace kvmem::apps {

// Calls the verb with the cluster of the ranks that a launcher of MPI has started, this process among them, or with
// null for a process alone. An exception on any rank ends all of them with one line, which names the rank. Ranks
// above 0 wait 3 to 4 s before, in which rank 0, if it has the same exception, saves its model. Only rank 0 has stdout.
int on_ranks(const std::function<int(Cluster*)>& verb);

// The shards of a data set that this rank has. Throws Error for a file that is no manifest.
std::vector<QaDataset> open_shards_of_rank(const std::filesystem::path& manifest, const Cluster& cluster);

// On rank 0: gives `ask` a call to the shards of all ranks, and returns its code. The others answer for their shards
// meanwhile, and return 0.
int ask_shards(Cluster& cluster, const std::vector<ShardReader>& own, const std::function<int(ShardCall)>& ask);

}  // namespace kvmem::apps
