// The training loop: shuffled batches in shards, validation, early stopping, checkpoints that resume bit for bit.
//
// A batch is cut into a fixed number of shards, each with a tape of its own, and their gradients are summed as a fixed
// binary tree: the same seed gives the same bits on any number of threads. All random choices are
// drawn from streams named by seed, epoch, step and shard, so a state is a position and some numbers.
#pragma once

#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/train/evaluate.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kvmem {

// What is trained: a model and its data.
class Task {
  public:
    virtual ~Task() = default;
    virtual Parameters& parameters() = 0;
    // What is shuffled and put in batches: a question, or a story with all that is asked about it.
    virtual Index units() const = 0;
    virtual Index questions(Index) const { return 1; }  // of a unit
    // The sum of the losses of these units' questions, [1, 1]; called from several threads at once, each with its tape.
    virtual Var loss(Tape& tape, std::span<const Index> units, Rng& rng) = 0;
    virtual bool can_validate() const = 0;
    virtual Metrics validate() = 0;
    // How many questions of each kind, if there are kinds, the last validation found answered wrong.
    virtual std::vector<Index> wrong() const { return {}; }
    // Draws the units of an epoch, as many as before, with more of the kinds that were answered wrong; every unit once
    // if `wrong` is empty.
    virtual void draw(std::span<const Index> /*wrong*/, Rng /*rng*/) {}
    // Networks of their own that are trained one after the other (Model::phases()).
    virtual Index phases() const { return 1; }
    virtual void set_phase(Index) {}
};

struct TrainerOptions {
    Index epochs = 10;  // of the last phase, which for most models is the only one
    Index batch = 32;   // units
    Index shards = 8;   // changes the last bits of the result; the number of threads does not
    OptimizerOptions optimizer;
    bool sum_losses = false;   // follow the gradient of a batch's summed losses, not of their mean
    Schedule schedule;         // of the last phase
    Index start_epochs = 20;   // of every phase before the last, at most: it ends when the loss stops falling,
    Index start_patience = 5;  // that is, when it has not come lower for so many epochs
    double start_rate = 0;     // in those phases, constant; 0: the schedule's
    Index patience = 5;        // epochs without a better validation before giving up; 0: never
    double max_seconds = 0;    // of training in all; 0: no limit
    double target_metric = 0;  // hits@1 of validation that is good enough; 0: none
    bool check_nan = false;    // also look at every parameter after each step
    double save_seconds = 30;  // between checkpoints
    bool balance = false;      // ask as often about each of the data set's tasks: those with less are repeated
    bool focus = false;        // ask more about the tasks of which the last validation's answers were wrong
    std::uint64_t seed = 1;

    void validate() const;  // throws UsageError
};

enum class StopReason { running, epochs_done, no_improvement, time_over, target_reached, interrupted };
std::string describe(StopReason reason);

// Where training stands: with the parameters and the optimiser's state, all that it needs to go on.
struct TrainerState {
    Index epoch = 0;  // finished ones
    Index step = 0;   // finished ones of the epoch under way
    double loss = 0;  // sum over the questions of the epoch under way
    Index optimizer_steps = 0;
    std::optional<double> best{};  // hits@1 of the best validation, if there was one
    Index best_epoch = 0;
    Index epochs_without_improvement = 0;
    double seconds = 0;                   // of training so far
    Index phase = 0;                      // of the task
    Index phase_epoch = 0;                // epochs before it began
    std::optional<double> lowest_loss{};  // that an epoch of this phase came to, if it is not the last one
    Index lowest_epoch = 0;               // which one that was
    std::vector<Index> wrong{};           // Task::wrong() of the last validation, with TrainerOptions::focus
    double gradient_norm = 0;             // of the last step
    bool operator==(const TrainerState&) const = default;
};

// What is told after every step and every epoch.
struct StepReport {
    Index epoch, epochs, step, steps;  // from 1
    double loss, rate, examples_per_second, seconds_left;
    std::optional<double> best;
};
struct EpochReport {
    Index epoch, phase;
    double loss, rate, seconds, gradient_norm;
    bool validated;
    Metrics metrics;
    bool improved;
};

class Trainer {
  public:
    // The task must outlive it.
    Trainer(Task& task, const TrainerOptions& options);

    struct Callbacks {
        std::function<void(const StepReport&)> step;
        std::function<void(const EpochReport&)> epoch;
        // Asked after every step; true ends training as soon as everything is saved.
        std::function<bool()> interrupted;
        // Keep what the parameters are now as the best so far; write everything that resuming needs.
        std::function<void()> keep_best;
        std::function<void()> save;
    };
    // Trains until something in the options ends it. Throws Error that names step and parameter when a loss
    // or gradient is not finite.
    StopReason run(const Callbacks& callbacks);

    const TrainerState& state() const { return state_; }
    // Why training is over where it stands; running: it is not.
    StopReason reason_to_end() const;
    Optimizer& optimizer() { return optimizer_; }
    // Goes on from here; parameters and optimiser must have been restored as well. Throws Error for a state that the
    // options and the task cannot lead to.
    void resume(const TrainerState& state);

  private:
    double step(std::span<const Index> units, double rate);
    void check_finite(double loss, double norm) const;
    StopReason after_epoch(const Callbacks& callbacks, double rate);
    Index steps_per_epoch() const;
    Index all_questions() const;
    Index questions_of(std::span<const Index> units) const;
    bool in_last_phase() const { return state_.phase + 1 >= task_.phases(); }
    bool time_is_over() const { return options_.max_seconds > 0 && state_.seconds >= options_.max_seconds; }
    // Whether the phase, which is not the last one, has done what it can.
    bool phase_is_over(double loss);
    double rate_at(Index step) const;  // of the epoch under way
    Index epochs_in_all() const;       // as far as it is known
    struct Watch;
    StopReason run_epoch(const Callbacks& callbacks, Watch& watch);

    Task& task_;
    TrainerOptions options_;
    Optimizer optimizer_;
    std::vector<Tape> tapes_;  // one per shard
    TrainerState state_;
};

}  // namespace kvmem
