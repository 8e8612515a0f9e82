// A running mean of a network's parameters over the steps of their training.
//
// Its model is most often better than the last one, whose last steps are noise (Polyak and Juditsky 1992). It is the
// running form of averaging checkpoints: a decay d averages about the last 1 / (1 - d) steps.
#pragma once

#include "kvmem/autograd/optimizer.hpp"

#include <vector>

namespace kvmem {

// One thread at a time may use it. A call costs one pass over the parameters.
class ParameterAverage {
  public:
    // The parameters must outlive it. The decay is from 0 to below 1, or Error is thrown.
    ParameterAverage(Parameters& parameters, double decay);

    // After step number `step`, counted from 1: mean = d * mean + (1 - d) * value with d the smaller of the decay and
    // (step - 1) / (step + 8). So the first values leave no trace, and early means are of the last tenth of the steps.
    // Parameters that are not trainable are left out, here and in swap().
    void add(Index step);
    // Exchanges the parameters' values and their means. A second call restores both.
    void swap();
    // The means, as "average/A", which must be saved to go on with the same bits.
    std::vector<Optimizer::State> state();

  private:
    struct Entry {
        Parameter* parameter;
        Matrix mean;
    };
    std::vector<Entry> entries_;
    double decay_;
};

}  // namespace kvmem
