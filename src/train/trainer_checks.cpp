#include "train/trainer_checks.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

void TrainerOptions::validate() const {
    TrainerOptions copy = *this;
    check_ranges(copy);
    require_option(schedule.decay != Decay::inverse_sqrt || schedule.warmup > 0, "warmup",
                   "above 0 with decay inverse-sqrt");
}

void require_possible_target(const TrainerOptions& options, const ScoreType& score) {
    require_option(score.is_possible(options.target_metric), "target_metric", "a score, 0 to 1 if it is a share");
}

static bool is_amount(double number) { return number >= 0 && std::isfinite(number); }

static bool is_possible(const TrainerState& s, Index steps, Index phases, const ScoreType& score) {
    const auto within = [](Index number, Index max) { return number >= 0 && number <= max; };
    const auto is_past = [&](Index epoch) { return within(epoch, s.epoch); };
    return within(s.phase, phases - 1) && within(s.epoch, phases * TrainerOptions::max_epochs) &&
           within(s.step, steps) && within(s.optimizer_steps, (s.epoch + 1) * steps) && is_past(s.best_epoch) &&
           is_past(s.phase_epoch) && is_past(s.lowest_epoch) && is_past(s.epochs_without_improvement) &&
           score.is_possible(s.best.value_or(0)) && is_amount(s.seconds) && is_amount(s.gradient_norm) &&
           std::isfinite(s.loss) && std::isfinite(s.lowest_loss.value_or(0)) &&
           std::isfinite(s.best_loss.value_or(0)) &&
           std::ranges::all_of(s.errors_by_group, [](Index count) { return count >= 0; });
}

void require_possible(const TrainerState& state, Index steps, Index phases, const ScoreType& score) {
    if (!is_possible(state, steps, phases, score)) refuse(state, steps);
}

void refuse(const TrainerState& state, Index steps) {
    throw Error({.what = "training cannot stand where the checkpoint says",
                 .expected = "a step of an epoch of " + std::to_string(steps),
                 .got = "epoch " + std::to_string(state.epoch) + ", step " + std::to_string(state.step),
                 .hint = "begin a new run"});
}

}  // namespace kvmem
