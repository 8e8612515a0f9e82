// Gradient descent: SGD, Adagrad and Adam over rows, with clipping and schedules.
//
// A step updates only the rows that its batch touched, and only their state ("lazy" in other toolkits): its cost does
// not grow with the vocabulary.
#pragma once

#include "kvmem/autograd/tape.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The rules of an update: plain descent, Adagrad (Duchi et al. 2011) and Adam (Kingma and Ba 2015).
enum class Method { sgd, adagrad, adam };

// The rule of an update and its constants.
struct OptimizerOptions {
    // The rule of an update.
    Method method = Method::adam;
    double beta1 = 0.9, beta2 = 0.999;  // Adam (Kingma and Ba 2015)
    double epsilon = 1e-8;              // Adam, and Adagrad (Duchi et al. 2011)
    double clip_norm = 0;               // gradients longer than this are shortened to it; 0: never
    // Decoupled weight decay (Loshchilov and Hutter 2019): before its update, a row shrinks by rate * weight_decay of
    // itself. Parameters of one row, such as biases and gains, do not decay. A row that the batch did not touch does
    // not decay either, so rare words shrink as rarely as they are updated.
    double weight_decay = 0;
};

// How a learning rate changes in the course of training. halve: to the half after every `halve_every` epochs.
// inverse_sqrt: with the inverse square root of the steps after the warm-up, which it needs (Vaswani et al. 2017,
// section 5.3).
enum class Decay { constant, linear, cosine, halve, inverse_sqrt };
struct Schedule {
    // The learning rate, after the warm-up and before any decay.
    double rate = 1e-3;
    double warmup = 0;  // share of the steps in which the rate rises from 0
    // How the rate changes after the warm-up.
    Decay decay = Decay::constant;
    double halve_every = 25;  // epochs; of Decay::halve

    // The rate after the share `progress`, 0 to 1, of all steps, when `epochs` are done.
    double at(double progress, double epochs = 0) const;
};

class Optimizer {
  public:
    // The parameters must outlive it; those that are added later are not updated.
    Optimizer(Parameters& parameters, const OptimizerOptions& options);

    // The gradient of a parameter.
    struct Gradient {
        // The parameter, and its touched rows, which stay until the next step; null: none.
        Parameter* parameter;
        const SparseRows* rows = nullptr;
    };
    // It gets the gradients of all parameters, in their order.
    using Exchange = std::function<void(std::span<Gradient> gradients)>;

    // One step with the sum of the tapes' gradients. Returns the length of the gradient before clipping. With a length
    // that is not finite, nothing is changed. Parameters that are not trainable are left as they are.
    //
    // The sum is a fixed binary tree over the tapes: neighbours are added, then neighbouring sums, and so on; a last
    // one without a neighbour goes up as it is. So 6 tapes are ((0+1)+(2+3))+(4+5). A tape that has not touched a row
    // adds nothing to it. Any number of threads gives the same bits.
    //
    // `exchange`, if there is one, sees the sums of all parameters before they are used, and may put others in their
    // place, such as the sums of several machines.
    double step(std::span<const Tape> tapes, double rate, const Exchange& exchange = {});
    double step(const Tape& tape, double rate) { return step({&tape, 1}, rate); }

    // What must be saved so that training goes on as if it had never stopped: matrices of the parameters' shapes,
    // under names such as "adam.m/A".
    struct State {
        // The name is unique; the matrix is valid for the life of the optimiser.
        std::string name;
        Matrix* matrix;
    };
    // The matrices in an order that the options and the parameters decide.
    std::vector<State> state();
    // The number of steps so far, on which the bias correction of Adam depends.
    Index steps() const { return steps_; }
    void set_steps(Index steps) { steps_ = steps; }

    // The parameter whose gradient in the last step holds a number that is not finite, or null. Call it before a tape
    // of that step is reset or moved.
    const Parameter* not_finite() const;

  private:
    struct Entry {
        SparseRows sum;  // over tapes
        std::vector<Matrix> moments;
    };
    double square_sum(const Gradient& gradient);
    void update(const Gradient& gradient, Entry& entry, double rate, double factor);

    OptimizerOptions options_;
    std::vector<Entry> entries_;       // of each parameter
    std::vector<Gradient> gradients_;  // likewise
    std::vector<double> squares_;      // of each touched row
    Index steps_ = 0;
};

}  // namespace kvmem
