// What the ranks of a cluster do together in a training. Not installed.
#pragma once

#include "cluster/gradient_exchange.hpp"

#include <span>

namespace kvmem {

class TrainingRanks {
  public:
    // The cluster must outlive it.
    TrainingRanks(Cluster& cluster, Index shards) : cluster_(cluster), gradients_(cluster, shards) {}

    // The shards of this rank.
    const ShardRun& run() const { return gradients_.run_of(cluster_.rank()); }

    // For the optimiser's step: adds up the gradients of all ranks. It also fills in the losses of other ranks' shards,
    // and tells `seconds`, the training time so far. The losses must outlive the step.
    Optimizer::Exchange exchange(std::span<double> losses, double seconds);
    // The training time of rank 0 at the last exchange.
    double seconds() const { return seconds_; }
    // Whether any rank was interrupted before the last exchange. The others learn in the next one whether this rank is.
    bool interrupted(bool here);
    // Forgets interruptions, before a training goes on.
    void begin() { interrupted_here_ = interrupted_ = false; }

    // Throws Error when a rank has other parameters than rank 0.
    void require_same(const Parameters& parameters);

  private:
    void read_notes(const std::vector<std::string>& notes, std::span<double> losses);

    Cluster& cluster_;
    GradientExchange gradients_;
    double seconds_ = 0;
    bool interrupted_here_ = false, interrupted_ = false;
};

}  // namespace kvmem
