// A cluster of processes that MPI has started: `mpirun -n 4 PROGRAM`. Needs a build with the CMake option KVMEM_MPI.
#pragma once

#include "kvmem/cluster/cluster.hpp"

#include <memory>

namespace kvmem {

// Whether a launcher of MPI has started this process, as its environment says. False in a build without MPI.
[[nodiscard]] bool is_under_mpi();

// Joins the cluster, once in the life of a process. Only this thread may use it. Destroying it ends MPI; before
// Cluster::end(), that waits for the other ranks. Throws Error in a build without MPI.
[[nodiscard]] std::unique_ptr<Cluster> join_mpi();

// Ends the processes of all ranks at once, this one with the exit code. For a rank that cannot go on. In a build
// without MPI, or before join_mpi(), it ends this process alone.
[[noreturn]] void abort_mpi(int code);

}  // namespace kvmem
