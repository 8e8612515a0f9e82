// Which ranks have the shards of a store. Not installed.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <vector>

namespace kvmem {

// The rank that has each shard, as deal_evenly() deals them.
std::vector<Index> ranks_of_shards(const Cluster& cluster, Index shards);

}  // namespace kvmem
