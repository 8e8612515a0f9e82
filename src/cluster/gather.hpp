// Texts of all ranks on the first one. Not installed.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <string>
#include <vector>

namespace kvmem {

// On rank 0 the texts of all ranks, in their order; on the others none. Every rank must call it.
std::vector<std::string> gather_at_first(Cluster& cluster, std::string own);

}  // namespace kvmem
