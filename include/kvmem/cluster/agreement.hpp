// What ranks must have in common.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <functional>
#include <string_view>

namespace kvmem {

// Throws Error, on every rank and for the first rank that differs, unless all ranks have the text of rank 0. `what` and
// the hint are for the error: "settings".
void require_same_text(Cluster& cluster, std::string_view own, std::string_view what, std::string_view hint);

// Runs a step that may fail, such as opening files, on every rank. If it throws on any of them, throws on all of them
// the Error of the first that did, whose `where` names its rank: so rank 0 can say what is wrong.
void run_together(Cluster& cluster, const std::function<void()>& step);

// Throws Error unless all ranks were built by one compiler from one version. Then limits the kernels of this process to
// the instruction set that all ranks have, as KVMEM_ISA would: other sets would give other bits. Call it before
// anything is computed; it throws Error if that is too late.
void agree_on_instruction_set(Cluster& cluster);

}  // namespace kvmem
