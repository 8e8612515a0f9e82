// What ranks must have in common.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <string_view>

namespace kvmem {

// Throws Error, on every rank and for the first rank that differs, unless all ranks have the text of rank 0. `what` and
// the hint are for the error: "settings".
void require_same_text(Cluster& cluster, std::string_view own, std::string_view what, std::string_view hint);

// Throws Error unless all ranks were built by one compiler from one version. Then limits the kernels of this process to
// the instruction set that all ranks have, as KVMEM_ISA would: other sets would give other bits. Call it before
// anything is computed; it throws Error if that is too late.
void agree_on_instruction_set(Cluster& cluster);

}  // namespace kvmem
