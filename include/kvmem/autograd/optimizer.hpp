// Gradient descent: SGD, Adagrad and Adam over rows, with clipping and schedules.
//
// Only rows that a batch touched are updated, and only their state moves ("lazy" in other toolkits): the cost
// of a step does not grow with the vocabulary.
#pragma once

#include "kvmem/autograd/tape.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

enum class Method { sgd, adagrad, adam };

struct OptimizerOptions {
    Method method = Method::adam;
    double beta1 = 0.9, beta2 = 0.999;  // Adam (Kingma and Ba 2015)
    double epsilon = 1e-8;              // Adam, and Adagrad (Duchi et al. 2011)
    double clip_norm = 0;               // gradients longer than this are shortened to it; 0: never
};

// How a learning rate changes in the course of training. halve: to the half after every so many epochs.
enum class Decay { constant, linear, cosine, halve };
struct Schedule {
    double rate = 1e-3;
    double warmup = 0;  // share of the steps in which the rate rises from 0
    Decay decay = Decay::constant;
    double halve_every = 25;  // epochs; of Decay::halve

    // The rate when `progress`, 0 to 1, of all steps are done, which are so many epochs.
    double at(double progress, double epochs = 0) const;
};

class Optimizer {
  public:
    // The parameters must outlive it.
    Optimizer(Parameters& parameters, const OptimizerOptions& options);

    // One step with the sum of the tapes' gradients, added in the order of the tapes whatever the number of
    // threads. Returns the length of the gradient before clipping. With a length that is not finite, nothing is
    // changed.
    double step(std::span<const std::unique_ptr<Tape>> tapes, double rate);

    // What must be saved for training to go on as if it had never stopped: matrices of the parameters' shapes,
    // under names such as "adam.m/A".
    struct State {
        std::string name;
        Matrix* matrix;
    };
    std::vector<State> state();
    Index steps() const { return steps_; }
    void set_steps(Index steps) { steps_ = steps; }

    // The parameter whose gradient in the last step holds a number that is not finite, or null. To be asked before a
    // tape of that step is reset.
    const Parameter* not_finite() const;

  private:
    struct Entry {
        Parameter* parameter;
        SparseRows sum;                        // over tapes
        const SparseRows* gradient = nullptr;  // the sum, or that of the one tape that has any
        std::vector<Matrix> moments;
    };
    double merge(std::span<const std::unique_ptr<Tape>> tapes, Entry& entry);
    void update(Entry& entry, double rate, double factor);

    OptimizerOptions options_;
    std::vector<Entry> entries_;
    std::vector<double> squares_;  // of each touched row
    Index steps_ = 0;
};

}  // namespace kvmem
