// The training loop: shuffled batches in shards, validation, early stopping, checkpoints that resume bit for bit.
//
// A batch is cut into a fixed number of shards, each with a tape of its own, and their gradients are summed as a fixed
// binary tree: the same seed gives the same bits on any number of threads. All random choices are
// drawn from streams named by seed, epoch, step and shard, so a state is a position and some numbers.
#pragma once

#include "kvmem/autograd/average.hpp"
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/train/objective.hpp"
#include "kvmem/train/settings.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kvmem {

class Cluster;
class TrainingRanks;

inline std::span<const char* const> choices(Method) {
    static constexpr const char* names[] = {"sgd", "adagrad", "adam"};
    return names;
}
inline std::span<const char* const> choices(Decay) {
    static constexpr const char* names[] = {"constant", "linear", "cosine", "halve", "inverse-sqrt"};
    return names;
}

struct TrainerOptions {
    static constexpr Index max_epochs = 1'000'000;  // of a phase
    Index epochs = 10;
    Index min_steps = 0;  // of the last phase: `epochs` grows until its epochs have this number of steps
    Index batch = 32;
    Index max_batch_size = 0;  // of the sum of Objective::size() over a batch's items; 0: any
    Index shards = 8;          // the last bits of the result depend on it, not on the number of threads
    OptimizerOptions optimizer{};
    // The decay of a ParameterAverage, which is validated and becomes the best model in place of the weights; 0: none.
    double average = 0;
    bool sum_losses = false;
    Schedule schedule{};  // for the last phase
    // For every phase before the last one.
    Index start_epochs = 20, start_patience = 5;
    double start_rate = 0;
    Index patience = 5;
    double max_seconds = 0;
    double target_metric = 0;
    bool check_nan = false;
    double save_seconds = 30;
    bool balance = false, focus = false;  // of an objective whose examples come in groups
    double paraphrase = 0;                // of an objective whose questions have several phrasings
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& o, Field field) {
        constexpr double max_patience = 1e9;
        field("epochs", o.epochs, Range{1, max_epochs}, "passes over the training split, at most");
        field("min_steps", o.min_steps, Range{0, 1e9},
              "steps that all passes have at least: small data are passed over more often; 0: any");
        field("batch", o.batch, Range{1, 1e6},
              "items in a step: pairs, pieces of a text, questions, or the stories of a model that reads these");
        field("max_batch_size", o.max_batch_size, Range{0, 1e9},
              "summed sizes of a batch's items, such as symbols; 0: any");
        field("shards", o.shards, Range{1, 256}, "parts of a batch that run at once");
        field("optimizer", o.optimizer.method, "sgd, adagrad or adam");
        field("beta1", o.optimizer.beta1, Range::below(0, 1), "of adam: how long gradients are remembered");
        field("beta2", o.optimizer.beta2, Range::below(0, 1), "of adam: how long squares of gradients are remembered");
        field("epsilon", o.optimizer.epsilon, Range::above(0), "of adam and adagrad: added to the divisor");
        field("clip", o.optimizer.clip_norm, Range::from(0), "longest gradient; 0: any");
        field("weight_decay", o.optimizer.weight_decay, Range::from(0),
              "of matrices: share lost in a step, times the rate");
        field("average", o.average, Range::below(0, 1),
              "of the running mean of weights that is the model: its decay; 0: none");
        field("sum_losses", o.sum_losses, "follow the sum of a batch's losses, not the mean");
        field("rate", o.schedule.rate, Range::above(0), "learning rate");
        field("warmup", o.schedule.warmup, Range{0, 1}, "share of training in which the rate rises");
        field("decay", o.schedule.decay, "of the rate: constant, linear, cosine, halve or inverse-sqrt");
        field("halve_every", o.schedule.halve_every, Range::above(0), "epochs, with decay halve");
        field("start_epochs", o.start_epochs, Range{1, max_epochs}, "of a phase before the last one, at most");
        field("start_patience", o.start_patience, Range{1, max_patience},
              "epochs without a lower loss that end such a phase");
        field("start_rate", o.start_rate, Range::from(0), "learning rate of such a phase; 0: the usual one");
        field("patience", o.patience, Range{0, max_patience}, "epochs without improvement before giving up; 0: never");
        field("max_seconds", o.max_seconds, Range::from(0), "of training; 0: any", "max_time");
        field("target_metric", o.target_metric, Range{}, "validation score that is enough; 0: none");
        field("check_nan", o.check_nan, "look at every parameter after each step");
        field("save_seconds", o.save_seconds, Range::from(0), "between checkpoints", "save_every");
        field("balance", o.balance, "of questions: repeat those of tasks that have fewer than others");
        field("focus", o.focus, "of questions: ask more about tasks that the last validation found wrong");
        field("paraphrase", o.paraphrase, Range{0, 1},
              "of questions about facts: share that is asked in a random phrasing of the same meaning");
        field("seed", o.seed, "of every random choice");
    }
    void validate() const;  // throws UsageError
};

// Throws UsageError for a target metric that is no such score.
void require_possible_target(const TrainerOptions& options, const ScoreType& score);

// Why a training ended. `running`: it has not.
enum class StopReason { running, epochs_done, no_improvement, time_over, target_reached, interrupted };
// The reason in words, for texts about a run.
std::string describe(StopReason reason);

// The position of a training. With the parameters and the optimiser's state, it is all that resuming needs.
struct TrainerState {
    Index epoch = 0;  // number of finished epochs
    Index step = 0;   // number of finished steps of this epoch
    double loss = 0;  // sum over the examples of this epoch's finished steps
    // The number of steps of the optimiser in the whole training.
    Index optimizer_steps = 0;
    std::optional<double> best{};       // score of the best validation, if any ended
    std::optional<double> best_loss{};  // its loss, if that is finite: of equal scores, the lower loss wins
    // The number of finished epochs at the best validation, and since then.
    Index best_epoch = 0;
    Index epochs_without_improvement = 0;
    double seconds = 0;                    // training time
    Index phase = 0;                       // phase of the objective
    Index phase_epoch = 0;                 // number of epochs before the phase
    std::optional<double> lowest_loss{};   // of an epoch of this phase, unless it is the last phase
    Index lowest_epoch = 0;                // the epoch with the lowest loss
    std::vector<Index> errors_by_group{};  // Objective::errors_by_group() after the last validation
    double gradient_norm = 0;              // at the last step, before clipping

    template <class Self, class Field>
    static void fields(Self& s, Field field) {
        field("epoch", s.epoch);
        field("step", s.step);
        field("loss", s.loss);
        field("optimizer_steps", s.optimizer_steps);
        field("best", s.best);
        field("best_loss", s.best_loss);
        field("best_epoch", s.best_epoch);
        field("epochs_without_improvement", s.epochs_without_improvement);
        field("seconds", s.seconds);
        field("phase", s.phase);
        field("phase_epoch", s.phase_epoch);
        field("lowest_loss", s.lowest_loss);
        field("lowest_epoch", s.lowest_epoch);
        field("errors_by_group", s.errors_by_group, "", "wrong");
        field("gradient_norm", s.gradient_norm);
    }
    bool operator==(const TrainerState&) const = default;
};

// Reports after every step and every epoch. Epochs and steps count from 1, losses are means over examples.
struct StepReport {
    Index epoch, epochs, step, steps;  // `epochs` and `steps` are the expected totals
    // `loss` is the mean of the epoch so far, `rate` the learning rate, `seconds_left` the expected rest of the
    // training.
    double loss, rate, examples_per_second, seconds_left;
    // The score of the best validation, if any ended.
    std::optional<double> best;
};
// What an epoch did.
struct EpochReport {
    // The epoch counts from 1, the phase from 0.
    Index epoch, phase;
    // `loss` is the mean of the epoch, `seconds` the training time so far, and the gradient is that of the last step.
    double loss, rate, seconds, gradient_norm;
    // It is empty when the objective has nothing to validate with.
    std::optional<Validation> validation;
    bool improved;  // whether the model is the best so far. With an equal score, the patience does not begin anew.
};

// One thread at a time may use a trainer. Its work runs on the threads of parallel_for().
class Trainer {
  public:
    // The objective must outlive the trainer. Throws UsageError for options out of their ranges, and Error for an
    // objective without items.
    //
    // With a cluster, which must outlive the trainer, too, each rank has a trainer of the same objective and options
    // and computes its shards of each batch. All ranks then have the parameters, the state and the bits that one
    // process would have. The time that counts is that of rank 0; a rank that is interrupted stops all after the next
    // step. Callbacks may differ between ranks. At the end of each epoch, run() throws Error if parameters differ.
    Trainer(Objective& objective, const TrainerOptions& options, ScoreType score = {}, Cluster* cluster = nullptr);
    ~Trainer();

    // What run() calls. An empty one is skipped.
    struct Callbacks {
        // Called after every step and every epoch.
        std::function<void(const StepReport&)> step;
        std::function<void(const EpochReport&)> epoch;
        std::function<bool()> interrupted;    // called after every step; true saves and ends training
        std::function<void()> snapshot_best;  // must copy the parameters: the best so far, or their running mean
        std::function<void()> save;           // must write a checkpoint
    };
    // Trains until something in the options ends it, and calls the callbacks on this thread. An empty callback is
    // skipped. Throws Error, which names step and parameter, when a loss or gradient is not finite, and for a
    // validation's score that is impossible.
    StopReason run(const Callbacks& callbacks);

    // The position of the training. The reference is valid for the life of the trainer.
    const TrainerState& state() const { return state_; }
    // The number of steps of all planned epochs. With max_batch_size it is an estimate, because the number of an
    // epoch's batches depends on its order of the items.
    Index planned_steps() const;
    // The reason why run() would end without a step, or `running`.
    StopReason stop_reason() const;
    // What must be saved beside the parameters and the state: the optimiser's matrices and the running means. The
    // pointers are valid for the trainer's life.
    std::vector<Optimizer::State> matrices();
    // Continues from a state. The caller must have restored the parameters and matrices(). Throws Error for a state
    // that the options and the objective cannot lead to.
    void resume(const TrainerState& state);

  private:
    struct Stopwatch;
    Index steps_of_epoch() const;
    double step(std::span<const Index> items, double rate, const Stopwatch& watch);
    double run_shard(Tape& tape, std::span<const Index> items, Index shard, Index examples) const;
    void check_finite(double loss, double norm) const;
    bool is_best(const Validation& validation) const;
    std::optional<Validation> validate();
    void snapshot(const Callbacks& callbacks);
    void remember_best(const std::optional<Validation>& validation);
    StopReason finish_epoch(const Callbacks& callbacks, double rate);
    Index max_steps() const;
    Index count_all_examples() const;
    Index count_examples(std::span<const Index> items) const;
    bool in_last_phase() const { return state_.phase + 1 >= objective_.phases(); }
    bool time_is_over() const { return options_.max_seconds > 0 && state_.seconds >= options_.max_seconds; }
    void begin_next_phase_if_due(double loss);
    double rate_at(Index step, Index steps) const;  // of this epoch
    Index expected_epochs() const;
    StepReport step_report(const Stopwatch& watch, Index steps, Index epoch_examples, double rate) const;
    StopReason finish_step(const Callbacks& callbacks, Stopwatch& watch);
    StopReason run_epoch(const Callbacks& callbacks, Stopwatch& watch);

    Objective& objective_;
    TrainerOptions options_;
    ScoreType score_;
    Optimizer optimizer_;
    std::optional<ParameterAverage> average_;
    std::vector<Tape> tapes_;  // one per shard
    TrainerState state_;
    std::unique_ptr<TrainingRanks> ranks_;  // null: there are no others
};

}  // namespace kvmem
