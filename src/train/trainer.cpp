#include "kvmem/train/trainer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"
#include "train/batches.hpp"
#include "train/trainer_checks.hpp"
#include "train/training_ranks.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

namespace kvmem {

std::string describe(StopReason reason) {
    static constexpr const char* texts[] = {
        "running",      "all epochs done",       "no improvement for as long as the patience allows",
        "time is over", "target metric reached", "interrupted"};
    return texts[static_cast<int>(reason)];
}

Trainer::Trainer(Objective& objective, const TrainerOptions& options, ScoreType score, Cluster* cluster)
    : objective_(objective),
      options_((options.validate(), options)),
      score_(std::move(score)),
      optimizer_(objective.parameters(), options.optimizer),
      tapes_(static_cast<std::size_t>(options.shards)) {
    require_possible_target(options_, score_);
    if (options.average > 0) average_.emplace(objective.parameters(), options.average);
    if (objective.items() == 0)
        throw Error({.what = "nothing to learn from",
                     .expected = "at least one example",
                     .got = "none",
                     .where = "training split"});
    const Index steps = steps_of_epoch(), needed = (options.min_steps + steps - 1) / steps;
    options_.epochs = std::clamp(needed, options.epochs, TrainerOptions::max_epochs);
    objective_.set_phase(state_.phase);
    if (cluster && cluster->size() > 1) ranks_ = std::make_unique<TrainingRanks>(*cluster, options_.shards);
}

Trainer::~Trainer() = default;

void Trainer::resume(const TrainerState& resumed) {
    TrainerState state = resumed;
    if (state.best == -1 && !score_.is_possible(-1)) state.best.reset();  // -1 stood for none in earlier versions
    require_possible(state, max_steps(), objective_.phases(), score_);
    state_ = state;
    optimizer_.set_steps(state.optimizer_steps);
    objective_.set_phase(state.phase);
}

std::vector<Optimizer::State> Trainer::matrices() {
    std::vector<Optimizer::State> all = optimizer_.state();
    if (!average_) return all;
    for (const Optimizer::State& mean : average_->state()) all.push_back(mean);
    return all;
}

// The number of an epoch's steps, or a bound of it if batches are cut by size.
Index Trainer::max_steps() const {
    const Index items = objective_.items();
    return options_.max_batch_size > 0 ? items : (items + options_.batch - 1) / options_.batch;
}

// The number of an epoch's steps; if batches are cut by size, of one whose items are in their order.
Index Trainer::steps_of_epoch() const {
    std::vector<Index> order(objective_.items());
    std::iota(order.begin(), order.end(), Index{0});
    return Batches(objective_, std::move(order), options_.batch, options_.max_batch_size).count();
}

Index Trainer::planned_steps() const { return expected_epochs() * steps_of_epoch(); }

Index Trainer::count_examples(std::span<const Index> items) const {
    Index count = 0;
    for (const Index item : items) count += objective_.examples(item);
    return count;
}

Index Trainer::count_all_examples() const {
    Index count = 0;
    for (Index item = 0; item < objective_.items(); ++item) count += objective_.examples(item);
    return count;
}

// The forward and backward pass of one shard. Returns the sum of its losses. The streams of random numbers are named by
// epoch, step and shard, so that a resumed training draws the same numbers.
double Trainer::run_shard(Tape& tape, std::span<const Index> items, Index shard, Index examples) const {
    const auto epoch = static_cast<std::uint64_t>(state_.epoch), step = static_cast<std::uint64_t>(state_.step),
               number = static_cast<std::uint64_t>(shard);
    tape.seed(options_.seed, {epoch, step, number});
    Rng rng(options_.seed, {0x6472617773u, epoch, step, number});
    const Var loss = objective_.loss(tape, items, rng);
    const double sum = loss.value().data[0];
    tape.backward(loss, options_.sum_losses ? Real{1} : Real{1} / static_cast<Real>(examples));
    return sum;
}

using Clock = std::chrono::steady_clock;

static double seconds_since(Clock::time_point time) {
    return std::chrono::duration<double>(Clock::now() - time).count();
}

// Time and work since run() began, for reports and for the time of the next checkpoint.
struct Trainer::Stopwatch {
    Clock::time_point start = Clock::now(), saved = start;
    double seconds_before;  // training time before run()
    Index steps = 0, examples = 0;
    double seconds() const { return seconds_before + seconds_since(start); }
};

// One batch: the passes of this rank's shards, then one update with the mean gradient. Returns the sum of the losses.
double Trainer::step(std::span<const Index> items, double rate, const Stopwatch& watch) {
    const FlushSubnormals flush;
    const Index examples = count_examples(items);
    const std::vector<Index> ends = shard_ends(objective_, items, options_.shards);
    const ShardRun run = ranks_ ? ranks_->run() : ShardRun{0, options_.shards};
    std::vector<double> losses(tapes_.size(), 0);
    parallel_for(run.count(), 1, [&](Index first, Index last) {
        for (Index shard = run.begin + first; shard < run.begin + last; ++shard) {
            Tape& tape = tapes_[shard];
            tape.reset();
            const Index begin = shard == 0 ? 0 : ends[shard - 1];
            const auto part = items.subspan(begin, ends[shard] - begin);
            if (!part.empty()) losses[shard] = run_shard(tape, part, shard, examples);
        }
    });
    state_.gradient_norm = optimizer_.step(std::span(tapes_).subspan(run.begin, run.count()), rate,
                                           ranks_ ? ranks_->exchange(losses, watch.seconds()) : Optimizer::Exchange{});
    const double loss = std::accumulate(losses.begin(), losses.end(), 0.0);
    check_finite(loss, state_.gradient_norm);
    if (average_) average_->add(optimizer_.steps());
    return loss;
}

static bool is_finite(const Matrix& matrix) {
    return std::all_of(matrix.data(), matrix.data() + matrix.size(), [](Real x) { return std::isfinite(x); });
}

void Trainer::check_finite(double loss, double norm) const {
    const Parameter* broken = std::isfinite(norm) ? nullptr : optimizer_.not_finite();
    if (!broken && options_.check_nan)
        for (const Parameter& p : objective_.parameters())
            if (!is_finite(p.value)) broken = &p;
    if (!broken && std::isfinite(loss) && std::isfinite(norm)) return;
    throw Error({.what = "training diverged",
                 .expected = "finite numbers",
                 .got = broken ? "NaN or infinity at parameter " + broken->name : "loss " + std::to_string(loss),
                 .where = "epoch " + std::to_string(state_.epoch + 1) + ", step " + std::to_string(state_.step + 1),
                 .hint = "begin a new run with a lower learning rate or a clip length"});
}

// A phase ends when its loss has not fallen for `start_patience` epochs, or after `start_epochs`.
void Trainer::begin_next_phase_if_due(double loss) {
    if (std::isfinite(loss) && (!state_.lowest_loss || loss < *state_.lowest_loss)) {
        state_.lowest_loss = loss;
        state_.lowest_epoch = state_.epoch;
    }
    if (state_.epoch - state_.lowest_epoch < options_.start_patience &&
        state_.epoch < state_.phase_epoch + options_.start_epochs)
        return;
    objective_.set_phase(++state_.phase);
    state_.phase_epoch = state_.epoch;
    state_.lowest_loss.reset();
    state_.lowest_epoch = 0;
}

// Of equal scores the lower loss is better: a score of few examples takes few values.
bool Trainer::is_best(const Validation& v) const {
    if (!state_.best || v.score != *state_.best) return !state_.best || score_.is_better(v.score, *state_.best);
    return std::isfinite(v.loss) && (!state_.best_loss || v.loss < *state_.best_loss);
}

namespace {
// Gives the parameters the values of their means, if there are any, for its life.
class MeansInPlace {
  public:
    explicit MeansInPlace(std::optional<ParameterAverage>& average) : average_(average) { swap(); }
    ~MeansInPlace() { swap(); }
    MeansInPlace(const MeansInPlace&) = delete;
    MeansInPlace& operator=(const MeansInPlace&) = delete;

  private:
    void swap() {
        if (average_) average_->swap();
    }
    std::optional<ParameterAverage>& average_;
};
}  // namespace

std::optional<Validation> Trainer::validate() {
    if (!objective_.can_validate()) return {};
    const MeansInPlace means(average_);
    const Validation validation = objective_.validate();
    if (!score_.is_possible(validation.score))
        throw Error({.what = "a validation gave an impossible " + score_.label,
                     .expected = score_.is_share ? "a number from 0 to 1" : "a finite number",
                     .got = std::to_string(validation.score),
                     .where = "epoch " + std::to_string(state_.epoch + 1),
                     .hint = "lower the learning rate if the model diverged, or mend Objective::validate()"});
    state_.errors_by_group = objective_.errors_by_group();
    return validation;
}

void Trainer::snapshot(const Callbacks& callbacks) {
    if (!callbacks.snapshot_best) return;
    const MeansInPlace means(average_);
    callbacks.snapshot_best();
}

void Trainer::remember_best(const std::optional<Validation>& validation) {
    // A lower loss with an equal score is progress, unless no score can be better.
    const bool is_perfect = validation && score_.is_share && validation->score == (score_.higher_is_better ? 1 : 0);
    if (!is_perfect || state_.best != validation->score) state_.epochs_without_improvement = 0;
    state_.best.reset();
    state_.best_loss.reset();
    if (validation) state_.best = validation->score;
    if (validation && std::isfinite(validation->loss)) state_.best_loss = validation->loss;
    state_.best_epoch = state_.epoch;
}

StopReason Trainer::finish_epoch(const Callbacks& callbacks, double rate) {
    if (ranks_) ranks_->require_same(objective_.parameters());
    const double loss = state_.loss / static_cast<double>(count_all_examples());
    EpochReport report{.epoch = state_.epoch + 1,
                       .phase = state_.phase,
                       .loss = loss,
                       .rate = rate,
                       .seconds = state_.seconds,
                       .gradient_norm = state_.gradient_norm,
                       .validation = validate(),
                       .improved = false};
    const bool last_phase = in_last_phase();
    // Without validation, the last model counts as the best. Models of earlier phases do not compete.
    report.improved = last_phase && (!report.validation || is_best(*report.validation));
    ++state_.epoch;
    state_.step = 0;
    state_.loss = 0;
    state_.epochs_without_improvement += last_phase;
    if (report.improved) {
        remember_best(report.validation);
        snapshot(callbacks);
    }
    if (callbacks.epoch) callbacks.epoch(report);
    if (!last_phase) begin_next_phase_if_due(report.validation ? report.validation->loss : report.loss);
    return stop_reason();
}

StopReason Trainer::stop_reason() const {
    if (time_is_over()) return StopReason::time_over;
    if (state_.step > 0 || !in_last_phase()) return StopReason::running;
    if (options_.target_metric != 0 && state_.best && !score_.is_better(options_.target_metric, *state_.best))
        return StopReason::target_reached;
    if (options_.patience > 0 && state_.epochs_without_improvement >= options_.patience)
        return StopReason::no_improvement;
    const bool all_done = state_.epoch >= state_.phase_epoch + options_.epochs;
    return all_done ? StopReason::epochs_done : StopReason::running;
}

double Trainer::rate_at(Index step, Index steps) const {
    if (!in_last_phase() && options_.start_rate > 0) return options_.start_rate;
    const Index done = (state_.epoch - state_.phase_epoch) * steps + step;
    return options_.schedule.at(static_cast<double>(done) / static_cast<double>(steps * options_.epochs),
                                static_cast<double>(done) / static_cast<double>(steps));
}

Index Trainer::expected_epochs() const {
    const Index phases_left = std::max<Index>(objective_.phases() - state_.phase - 1, 0);
    return state_.phase_epoch + phases_left * options_.start_epochs + options_.epochs;
}

static std::vector<Index> shuffled(Index items, Rng rng) {
    std::vector<Index> order(items);
    std::iota(order.begin(), order.end(), Index{0});
    rng.shuffle(std::span(order));
    return order;
}

StepReport Trainer::step_report(const Stopwatch& watch, Index steps, Index epoch_examples, double rate) const {
    const double per_second = 1 / std::max(state_.seconds - watch.seconds_before, 1e-9);
    const Index left = (expected_epochs() - state_.epoch) * steps - state_.step;
    return {state_.epoch + 1,
            expected_epochs(),
            state_.step,
            steps,
            state_.loss / static_cast<double>(epoch_examples),
            rate,
            static_cast<double>(watch.examples) * per_second,
            static_cast<double>(left) / (static_cast<double>(watch.steps) * per_second),
            state_.best};
}

// Decides after a step whether training stops, and writes a checkpoint when one is due.
StopReason Trainer::finish_step(const Callbacks& callbacks, Stopwatch& watch) {
    const bool interrupted_here = callbacks.interrupted && callbacks.interrupted();
    const bool interrupted = ranks_ ? ranks_->interrupted(interrupted_here) : interrupted_here;
    if (time_is_over()) return StopReason::time_over;
    if (interrupted) return StopReason::interrupted;
    if (callbacks.save && seconds_since(watch.saved) >= options_.save_seconds) {
        callbacks.save();
        watch.saved = Clock::now();
    }
    return StopReason::running;
}

// The remaining steps of this epoch.
StopReason Trainer::run_epoch(const Callbacks& callbacks, Stopwatch& watch) {
    const auto epoch = static_cast<std::uint64_t>(state_.epoch);
    objective_.begin_epoch(state_.epoch, state_.errors_by_group, Rng(options_.seed, {0x666f637573u, epoch}));
    const Batches batches(objective_, shuffled(objective_.items(), Rng(options_.seed, {0x73687566666c65u, epoch})),
                          options_.batch, options_.max_batch_size);
    const Index steps = batches.count();
    if (state_.step > steps) refuse(state_, steps);
    Index examples = count_examples(batches.before(state_.step));
    StopReason reason = StopReason::running;
    double rate = rate_at(state_.step - 1, steps);  // the last step's, if a checkpoint came before the validation
    while (state_.step < steps && reason == StopReason::running) {
        const auto batch = batches[state_.step];
        rate = rate_at(state_.step, steps);
        state_.loss += step(batch, rate, watch);
        ++state_.step;
        state_.optimizer_steps = optimizer_.steps();
        const Index batch_examples = count_examples(batch);
        examples += batch_examples;
        watch.examples += batch_examples;
        ++watch.steps;
        state_.seconds = ranks_ ? ranks_->seconds() : watch.seconds();
        if (callbacks.step) callbacks.step(step_report(watch, steps, examples, rate));
        reason = finish_step(callbacks, watch);
    }
    if (state_.step < steps || reason == StopReason::interrupted) return reason;
    const StopReason end_of_epoch = finish_epoch(callbacks, rate);
    return reason == StopReason::running ? end_of_epoch : reason;
}

StopReason Trainer::run(const Callbacks& callbacks) {
    if (ranks_) ranks_->begin();
    Stopwatch watch{.seconds_before = state_.seconds};
    StopReason reason = stop_reason();
    while (reason == StopReason::running) reason = run_epoch(callbacks, watch);
    // A run that ends before its first validation must have a model, too.
    if (state_.best_epoch == 0 && reason != StopReason::interrupted) snapshot(callbacks);
    if (callbacks.save) callbacks.save();
    return reason;
}

}  // namespace kvmem
