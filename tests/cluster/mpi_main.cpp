// A rank of a cluster on MPI: what holds on threads holds here. What to do is an argument: check, throw, return,
// or measure. Without MPI, `same A B` compares two stores in shards (store_files.hpp).
#include "kvmem/cluster/mpi.hpp"
#include "support/cluster_checks.hpp"
#include "support/store_files.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <stdexcept>

using namespace kvmem;

// The seconds of an exchange of these bytes with the next rank, the median of many.
static double seconds_of(Cluster& cluster, std::size_t bytes, int count) {
    std::vector<std::byte> own(bytes), got(bytes);
    const Index next = (cluster.rank() + 1) % cluster.size(),
                last = (cluster.rank() + cluster.size() - 1) % cluster.size();
    std::vector<double> all;
    for (int i = 0; i < count; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        const Outgoing out{next, own};
        Incoming in{last, [&](std::size_t) { return std::span(got); }};
        cluster.exchange({&out, 1}, {&in, 1});
        all.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::ranges::nth_element(all, all.begin() + count / 2);
    return all[count / 2];
}

// Prints the seconds of a small exchange, and the bytes in a second of large ones.
static void measure(Cluster& cluster) {
    seconds_of(cluster, 8, 100);
    const double small = seconds_of(cluster, 8, 1000);
    constexpr std::size_t large = 8 << 20;
    const double long_one = seconds_of(cluster, large, 15);
    if (cluster.rank() == 0) std::cout << small << " " << large / (long_one - small) << std::endl;
}

static void run(Cluster& cluster, const std::string& what) {
    if (what == "measure") return measure(cluster);
    check_cluster(cluster);
    if (cluster.rank() + 1 == cluster.size()) {
        if (what == "throw") throw std::runtime_error("what the last rank says");
        if (what == "return") return;
    }
    cluster.barrier();
}

static int compare(const char* a, const char* b) {
    try {
        const std::string difference = test::store_difference(a, b);
        if (difference.empty()) return 0;
        std::cerr << "differ: " << difference << std::endl;
    } catch (const std::exception& e) {
        std::cerr << e.what() << std::endl;
    }
    return 1;
}

int main(int count, char** values) {
    if (count == 4 && values[1] == std::string("same")) return compare(values[2], values[3]);
    if (!is_under_mpi() || count != 2) return 2;
    const std::unique_ptr<Cluster> cluster = join_mpi();
    try {
        run(*cluster, values[1]);
        cluster->end();
    } catch (const std::exception& e) {
        std::cerr << "rank " << cluster->rank() << ": " << e.what() << std::endl;
        abort_mpi(1);
    }
    if (cluster->rank() == 0 && values[1] != std::string("measure"))
        std::cout << "holds on " << cluster->size() << " ranks" << std::endl;
    return 0;
}
