// The sum of gradients over ranks, with the bits that one process gives. Not installed.
//
// The shards of a batch are the leaves of the binary tree that the optimiser sums by. Each rank has a run of shards
// that is a subtree, so its own sum is a node of the tree, and the rest of the tree is over ranks. Every rank sends
// each other rank a slice of its sums, finishes the tree in its own slice, and sends that to all: of gradients of G
// bytes, 2 G (R - 1) / R. Of tables, only touched rows are sent.
#pragma once

#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/cluster/cluster.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// The shards [begin, end).
struct ShardRun {
    Index begin = 0;
    Index end = 0;
    Index count() const { return end - begin; }
};

// A run for each rank, in their order, each a subtree of the tree over all shards. The longest is as short as that
// allows: all are equal if the number of shards is that of ranks times a power of two. Ranks beyond the number of
// shards have empty runs.
std::vector<ShardRun> deal_shards(Index shards, Index ranks);

class GradientExchange {
  public:
    // The cluster must outlive it.
    GradientExchange(Cluster& cluster, Index shards) : cluster_(cluster), runs_(deal_shards(shards, cluster.size())) {}

    // The shards of a rank.
    const ShardRun& run_of(Index rank) const { return runs_[rank]; }

    // Puts the sums of all ranks in the place of this rank's, with rows in the order in which one process has them.
    // They stay until the next call. Returns the notes of all ranks, by rank: any bytes, which travel along.
    std::vector<std::string> add_up(std::span<Optimizer::Gradient> gradients, std::string_view note);

  private:
    // The rows that a rank has touched, in its order.
    struct Touched {
        Index count = 0;
        std::vector<Index> ids;  // empty: all rows, by their numbers
        Index operator[](Index i) const { return ids.empty() ? i : ids[i]; }
    };
    // What is exchanged of a parameter.
    struct Sum {
        SparseRows rows;               // of all ranks
        std::vector<Touched> touched;  // by each rank
        std::vector<Index> cuts;       // rank r has the slice [cuts[r], cuts[r + 1]) of the rows
        bool in_slice(Index place, Index rank) const { return cuts[rank] <= place && place < cuts[rank + 1]; }
    };

    std::vector<std::string> gather_touched(std::span<const Optimizer::Gradient> gradients, std::string_view note);
    void read_touched(std::string_view text, Index rank);
    void place_rows();
    void cut_slices();
    void exchange_parts(std::span<const Optimizer::Gradient> gradients);
    void sum_slice(std::span<const Optimizer::Gradient> gradients);
    void exchange_sums();
    void exchange_numbers(std::span<const std::span<const Real>> out);

    Cluster& cluster_;
    std::vector<ShardRun> runs_;
    std::vector<Sum> sums_;               // of each parameter
    std::vector<std::vector<Real>> out_;  // the numbers for each rank
    std::vector<std::vector<Real>> in_;   // the numbers from each rank
};

}  // namespace kvmem
