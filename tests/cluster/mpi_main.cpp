// A rank of a cluster on MPI: what holds on threads holds here. `CHECK` is what to do: check, throw, return.
#include "kvmem/cluster/mpi.hpp"
#include "support/cluster_checks.hpp"

#include <iostream>
#include <stdexcept>

using namespace kvmem;

static void run(Cluster& cluster, const std::string& what) {
    check_cluster(cluster);
    if (cluster.rank() + 1 == cluster.size()) {
        if (what == "throw") throw std::runtime_error("what the last rank says");
        if (what == "return") return;
    }
    cluster.barrier();
}

int main(int count, char** values) {
    if (!is_under_mpi() || count != 2) return 2;
    const std::unique_ptr<Cluster> cluster = join_mpi();
    try {
        run(*cluster, values[1]);
        cluster->end();
    } catch (const std::exception& e) {
        std::cerr << "rank " << cluster->rank() << ": " << e.what() << std::endl;
        abort_mpi(1);
    }
    if (cluster->rank() == 0) std::cout << "holds on " << cluster->size() << " ranks" << std::endl;
    return 0;
}
