#include "kvmem/train/trainer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

namespace kvmem {

// Of one phase.
static constexpr Index most_epochs = 1'000'000;

static bool is_amount(double number) { return number >= 0 && std::isfinite(number); }

void TrainerOptions::validate() const {
    TrainerOptions copy = *this;
    check_ranges(copy);
}

std::string describe(StopReason reason) {
    switch (reason) {
        case StopReason::epochs_done:
            return "all epochs done";
        case StopReason::no_improvement:
            return "no improvement for as long as the patience allows";
        case StopReason::time_over:
            return "time is over";
        case StopReason::target_reached:
            return "target metric reached";
        case StopReason::interrupted:
            return "interrupted";
        case StopReason::running:
            break;
    }
    return "running";
}

Trainer::Trainer(Objective& objective, const TrainerOptions& options, ScoreType score)
    : objective_(objective),
      options_((options.validate(), options)),
      score_(std::move(score)),
      optimizer_(objective.parameters(), options.optimizer),
      tapes_(static_cast<std::size_t>(options.shards)) {
    require_option(score_.is_possible(options_.target_metric), "target metric", "a score, 0 to 1 if it is a share");
    if (objective.items() == 0)
        throw Error({.what = "nothing to learn from",
                     .expected = "at least one example",
                     .got = "none",
                     .where = "training split",
                     .hint = {}});
    objective_.set_phase(state_.phase);
}

// Whether a training with so many steps an epoch, in so many phases, can come to the state.
static bool is_possible(const TrainerState& s, Index steps, Index phases, const ScoreType& score) {
    const auto within = [](Index number, Index most) { return number >= 0 && number <= most; };
    const auto past = [&](Index epoch) { return within(epoch, s.epoch); };
    return within(s.phase, phases - 1) && within(s.epoch, phases * most_epochs) && within(s.step, steps) &&
           within(s.optimizer_steps, (s.epoch + 1) * steps) && past(s.best_epoch) && past(s.phase_epoch) &&
           past(s.lowest_epoch) && past(s.epochs_without_improvement) && score.is_possible(s.best.value_or(0)) &&
           is_amount(s.seconds) && is_amount(s.gradient_norm) && std::isfinite(s.loss) &&
           std::isfinite(s.lowest_loss.value_or(0)) &&
           std::ranges::all_of(s.errors_by_group, [](Index count) { return count >= 0; });
}

void Trainer::resume(const TrainerState& state) {
    if (!is_possible(state, steps_per_epoch(), objective_.phases(), score_))
        throw Error({.what = "training cannot stand where the checkpoint says",
                     .expected = "a step of an epoch of " + std::to_string(steps_per_epoch()),
                     .got = "epoch " + std::to_string(state.epoch) + ", step " + std::to_string(state.step),
                     .where = {},
                     .hint = "begin a new run"});
    state_ = state;
    optimizer_.set_steps(state.optimizer_steps);
    objective_.set_phase(state.phase);
}

Index Trainer::steps_per_epoch() const { return (objective_.items() + options_.batch - 1) / options_.batch; }

Index Trainer::examples_of(std::span<const Index> items) const {
    Index count = 0;
    for (const Index item : items) count += objective_.examples(item);
    return count;
}

Index Trainer::all_examples() const {
    Index count = 0;
    for (Index item = 0; item < objective_.items(); ++item) count += objective_.examples(item);
    return count;
}

// One batch: a tape for each shard, then one update with the mean gradient. Returns the sum of the losses.
double Trainer::step(std::span<const Index> items, double rate) {
    const auto batch = static_cast<Index>(items.size());
    const FlushSubnormals flush;
    const Index examples = examples_of(items);
    std::vector<double> losses(tapes_.size(), 0);
    parallel_for(options_.shards, 1, [&](Index first, Index last) {
        for (Index shard = first; shard < last; ++shard) {
            Tape& tape = tapes_[static_cast<std::size_t>(shard)];
            tape.reset();
            const Index begin = batch * shard / options_.shards, end = batch * (shard + 1) / options_.shards;
            if (begin == end) continue;
            const std::array stream{static_cast<std::uint64_t>(state_.epoch), static_cast<std::uint64_t>(state_.step),
                                    static_cast<std::uint64_t>(shard)};
            tape.seed(options_.seed, {stream[0], stream[1], stream[2]});
            Rng rng(options_.seed, {0x6472617773u, stream[0], stream[1], stream[2]});
            const Var loss = objective_.loss(
                tape, items.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)), rng);
            losses[static_cast<std::size_t>(shard)] = loss.value().data[0];
            tape.backward(loss, options_.sum_losses ? Real{1} : Real{1} / static_cast<Real>(examples));
        }
    });
    const double loss = std::accumulate(losses.begin(), losses.end(), 0.0);
    state_.gradient_norm = optimizer_.step(tapes_, rate);
    check_finite(loss, state_.gradient_norm);
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

bool Trainer::phase_is_over(double loss) {
    if (!state_.lowest_loss || loss < *state_.lowest_loss) {
        state_.lowest_loss = loss;
        state_.lowest_epoch = state_.epoch;
    }
    return state_.epoch - state_.lowest_epoch >= options_.start_patience ||
           state_.epoch >= state_.phase_epoch + options_.start_epochs;
}

bool Trainer::is_best(double score) const {
    return score_.is_possible(score) && (!state_.best || score_.is_better(score, *state_.best));
}

StopReason Trainer::after_epoch(const Callbacks& callbacks, double rate) {
    EpochReport report{state_.epoch + 1,
                       state_.phase,
                       state_.loss / static_cast<double>(all_examples()),
                       rate,
                       state_.seconds,
                       state_.gradient_norm,
                       {},
                       false};
    if (objective_.can_validate()) {
        report.validation = objective_.validate();
        state_.errors_by_group = objective_.errors_by_group();
    }
    const bool last_phase = in_last_phase();
    // Without validation the last model is the best that is known. What an earlier phase came to is not compared.
    report.improved = last_phase && (!report.validation || is_best(report.validation->score));
    ++state_.epoch;
    state_.step = 0;
    state_.loss = 0;
    state_.epochs_without_improvement += last_phase;
    if (report.improved) {
        state_.best = report.validation ? std::optional(report.validation->score) : std::nullopt;
        state_.best_epoch = state_.epoch;
        state_.epochs_without_improvement = 0;
        if (callbacks.keep_best) callbacks.keep_best();
    }
    if (callbacks.epoch) callbacks.epoch(report);
    if (!last_phase) {
        if (phase_is_over(report.validation ? report.validation->loss : report.loss)) {
            objective_.set_phase(++state_.phase);
            state_.phase_epoch = state_.epoch;
            state_.lowest_loss.reset();
            state_.lowest_epoch = 0;
        }
    }
    return reason_to_end();
}

StopReason Trainer::reason_to_end() const {
    if (time_is_over()) return StopReason::time_over;
    if (state_.step > 0 || !in_last_phase()) return StopReason::running;
    if (options_.target_metric != 0 && state_.best && !score_.is_better(options_.target_metric, *state_.best))
        return StopReason::target_reached;
    if (options_.patience > 0 && state_.epochs_without_improvement >= options_.patience)
        return StopReason::no_improvement;
    const bool all_done = state_.epoch >= state_.phase_epoch + options_.epochs;
    return all_done ? StopReason::epochs_done : StopReason::running;
}

double Trainer::rate_at(Index step) const {
    if (!in_last_phase() && options_.start_rate > 0) return options_.start_rate;
    const Index steps = steps_per_epoch(), done = (state_.epoch - state_.phase_epoch) * steps + step;
    return options_.schedule.at(static_cast<double>(done) / static_cast<double>(steps * options_.epochs),
                                static_cast<double>(done) / static_cast<double>(steps));
}

Index Trainer::epochs_in_all() const {
    const Index phases_to_come = std::max<Index>(objective_.phases() - state_.phase - 1, 0);
    return state_.phase_epoch + phases_to_come * options_.start_epochs + options_.epochs;
}

using Clock = std::chrono::steady_clock;

static double seconds_since(Clock::time_point time) {
    return std::chrono::duration<double>(Clock::now() - time).count();
}

// What a run measures itself by.
struct Trainer::Watch {
    Clock::time_point start = Clock::now(), saved = start;
    double seconds_before;  // of training
    Index steps = 0, examples = 0;
};

// What is left of the epoch under way.
StopReason Trainer::run_epoch(const Callbacks& callbacks, Watch& watch) {
    const auto epoch = static_cast<std::uint64_t>(state_.epoch);
    objective_.begin_epoch(state_.epoch, state_.errors_by_group, Rng(options_.seed, {0x666f637573u, epoch}));
    std::vector<Index> order(static_cast<std::size_t>(objective_.items()));
    std::iota(order.begin(), order.end(), Index{0});
    Rng(options_.seed, {0x73687566666c65u, epoch}).shuffle(std::span(order));
    const auto items = [&](Index first, Index last) {
        return std::span<const Index>(order).subspan(static_cast<std::size_t>(first),
                                                     static_cast<std::size_t>(last - first));
    };
    const Index steps = steps_per_epoch();
    Index examples = examples_of(items(0, std::min(objective_.items(), state_.step * options_.batch)));
    StopReason reason = StopReason::running;
    double rate = rate_at(state_.step - 1);  // of the last step, when all are done
    while (state_.step < steps && reason == StopReason::running) {
        const Index first = state_.step * options_.batch;
        const auto batch = items(first, std::min(objective_.items(), first + options_.batch));
        rate = rate_at(state_.step);
        state_.loss += step(batch, rate);
        ++state_.step;
        state_.optimizer_steps = optimizer_.steps();
        examples += examples_of(batch);
        watch.examples += examples_of(batch);
        ++watch.steps;
        const double elapsed = seconds_since(watch.start);
        state_.seconds = watch.seconds_before + elapsed;
        if (callbacks.step) {
            const double per_second = 1 / std::max(elapsed, 1e-9);
            const Index left = (epochs_in_all() - state_.epoch) * steps - state_.step;
            callbacks.step({state_.epoch + 1, epochs_in_all(), state_.step, steps,
                            state_.loss / static_cast<double>(examples), rate,
                            static_cast<double>(watch.examples) * per_second,
                            static_cast<double>(left) / (static_cast<double>(watch.steps) * per_second), state_.best});
        }
        if (callbacks.interrupted && callbacks.interrupted()) reason = StopReason::interrupted;
        if (time_is_over()) reason = StopReason::time_over;
        if (reason == StopReason::running && callbacks.save && seconds_since(watch.saved) >= options_.save_seconds) {
            callbacks.save();
            watch.saved = Clock::now();
        }
    }
    if (state_.step == steps && reason != StopReason::interrupted) {
        const StopReason end_of_epoch = after_epoch(callbacks, rate);
        if (reason == StopReason::running) reason = end_of_epoch;
    }
    return reason;
}

StopReason Trainer::run(const Callbacks& callbacks) {
    Watch watch{.seconds_before = state_.seconds};
    StopReason reason = reason_to_end();
    while (reason == StopReason::running) reason = run_epoch(callbacks, watch);
    // A run that ends before its first validation still has a model.
    if (state_.best_epoch == 0 && callbacks.keep_best && reason != StopReason::interrupted) callbacks.keep_best();
    if (callbacks.save) callbacks.save();
    return reason;
}

}  // namespace kvmem
