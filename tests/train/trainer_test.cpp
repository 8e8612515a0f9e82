#include "kvmem/train/trainer.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// The square of one number, summed over the examples; validation says what a script says.
class Square : public Objective {
  public:
    std::vector<double> script;  // hits@1 of each validation; empty: there is none
    std::vector<Index> seen;     // the examples in the order in which they were trained on, with one shard
    Real factor = 1;
    bool several_questions = false;  // of a unit
    std::vector<Index> sizes;        // of the items, if they have any
    std::vector<double> losses;      // of each validation, if there are any
    Index phase_count = 1;
    std::vector<Index> phases_set;

    Index phases() const override { return phase_count; }
    void set_phase(Index phase) override { phases_set.push_back(phase); }

    Square() { parameters_.add("w", Matrix(1, 1)).value(0, 0) = 1; }
    Parameters& parameters() override { return parameters_; }
    Index items() const override { return examples_; }
    Index examples(Index item) const override { return several_questions ? item % 3 + 1 : 1; }
    Index size(Index item) const override { return sizes.empty() ? 1 : sizes[static_cast<std::size_t>(item)]; }
    Var loss(Tape& tape, std::span<const Index> examples, Rng&) override {
        seen.insert(seen.end(), examples.begin(), examples.end());
        const Var w = tape.parameter(parameters_[0]);
        return scale(sum(multiply(w, w)), factor * static_cast<Real>(examples.size()));
    }
    bool can_validate() const override { return !script.empty(); }
    Validation validate() override {
        Validation metrics;
        if (!losses.empty()) metrics.loss = losses.at(std::min(validations_, losses.size() - 1));
        metrics.score = script.at(std::min(validations_++, script.size() - 1));
        return metrics;
    }
    void set_examples(Index count) { examples_ = count; }

  private:
    Parameters parameters_;
    Index examples_ = 10;
    std::size_t validations_ = 0;
};

TrainerOptions plain(Index epochs) {
    TrainerOptions options;
    options.epochs = epochs;
    options.batch = 4;
    options.shards = 1;
    options.optimizer.method = Method::sgd;
    options.schedule.rate = 0.01;
    return options;
}

// What the trainer's Error says.
std::string failure(Objective& task, const TrainerOptions& options) {
    Trainer trainer(task, options);
    try {
        trainer.run({});
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("training sees every example once an epoch, each time in another order", "[trainer]") {
    Square task;
    Trainer trainer(task, plain(2));
    Index steps = 0;
    std::vector<EpochReport> epochs;
    Trainer::Callbacks callbacks;
    callbacks.step = [&](const StepReport& report) {
        ++steps;
        CHECK(report.steps == 3);
        CHECK(report.epochs == 2);
    };
    callbacks.epoch = [&](const EpochReport& report) { epochs.push_back(report); };
    CHECK(trainer.planned_steps() == 6);
    CHECK(trainer.run(callbacks) == StopReason::epochs_done);
    CHECK(steps == 6);
    REQUIRE(epochs.size() == 2);
    CHECK(epochs[1].epoch == 2);
    CHECK(epochs[1].loss < epochs[0].loss);
    CHECK(epochs[0].improved);
    CHECK_FALSE(epochs[0].validation);
    REQUIRE(task.seen.size() == 20);
    const std::vector<Index> first(task.seen.begin(), task.seen.begin() + 10);
    const std::vector<Index> second(task.seen.begin() + 10, task.seen.end());
    CHECK(first != second);
    for (std::vector<Index> epoch : {first, second}) {
        std::sort(epoch.begin(), epoch.end());
        CHECK(epoch == std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    }
    CHECK(trainer.state().epoch == 2);
    CHECK(trainer.state().optimizer_steps == 6);
}

TEST_CASE("training gives up when validation has not improved for as long as the patience allows", "[trainer]") {
    Square task;
    task.script = {0.1, 0.5, 0.5, 0.4, 0.9};
    TrainerOptions options = plain(10);
    options.patience = 2;
    Trainer trainer(task, options);
    int kept = 0, saved = 0;
    Trainer::Callbacks callbacks;
    callbacks.snapshot_best = [&] { ++kept; };
    callbacks.save = [&] { ++saved; };
    CHECK(trainer.run(callbacks) == StopReason::no_improvement);
    CHECK(trainer.state().epoch == 4);
    CHECK(trainer.state().best == 0.5);
    CHECK(trainer.state().best_epoch == 2);
    CHECK(kept == 2);
    CHECK(saved == 1);
}

TEST_CASE("of equal scores the lower loss is the best, and progress", "[trainer]") {
    Square task;
    task.script = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    task.losses = {3, 2, NAN, 2.5, 1, 1, 1};
    TrainerOptions options = plain(10);
    options.patience = 2;
    std::vector<bool> improved;
    Trainer::Callbacks callbacks;
    callbacks.epoch = [&](const EpochReport& report) { improved.push_back(report.improved); };
    Trainer trainer(task, options);
    CHECK(trainer.run(callbacks) == StopReason::no_improvement);
    CHECK(improved == std::vector<bool>{true, true, false, false});
    CHECK(trainer.state().best_epoch == 2);
    CHECK(trainer.state().best_loss == 2);
    // With a share of 1 the patience goes on: no score is better.
    Square perfect;
    perfect.script = {1, 1, 1, 1};
    perfect.losses = {4, 3, 2, 1};
    Trainer third(perfect, options, {.is_share = true});
    CHECK(third.run({}) == StopReason::no_improvement);
    CHECK(third.state().epoch == 3);
    CHECK(third.state().best_loss == 2);
    // A higher score is better whatever its loss.
    Square higher;
    higher.script = {0.5, 0.6};
    higher.losses = {1, NAN};
    Trainer second(higher, plain(2));
    second.run({});
    CHECK(second.state().best_epoch == 2);
    CHECK_FALSE(second.state().best_loss);
}

TEST_CASE("an impossible score of a validation is an error that says where", "[trainer]") {
    for (const double score : {double{NAN}, double{INFINITY}, 1.5}) {
        Square task;
        task.script = {0.5, score};
        Trainer trainer(task, plain(3), {.label = "hits@1", .is_share = true});
        CHECK_THROWS_WITH(trainer.run({}), Catch::Contains("hits@1") && Catch::Contains("epoch 2"));
        CHECK(trainer.state().epoch == 1);
        CHECK(trainer.state().best == 0.5);
    }
}

TEST_CASE("the running mean is validated and is the best model, and training goes on from the weights", "[trainer]") {
    class Watched : public Square {
      public:
        std::vector<Real> validated;
        Validation validate() override {
            validated.push_back(parameters()[0].value(0, 0));
            return Square::validate();
        }
    };
    Square raw;
    Trainer(raw, plain(3)).run({});
    Watched task;
    task.script = {0.1, 0.2, 0.3};
    TrainerOptions options = plain(3);
    options.average = 0.9;
    Trainer trainer(task, options);
    Real best = 0;
    std::vector<Real> values;  // after each step
    Trainer::Callbacks callbacks;
    callbacks.step = [&](const StepReport&) { values.push_back(task.parameters()[0].value(0, 0)); };
    callbacks.snapshot_best = [&] { best = task.parameters()[0].value(0, 0); };
    trainer.run(callbacks);
    CHECK(same_parameters(task.parameters(), raw.parameters()));
    double mean = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double d = std::min(0.9, static_cast<double>(i) / static_cast<double>(i + 9));
        mean = d * mean + (1 - d) * static_cast<double>(values[i]);
    }
    CHECK(task.validated.size() == 3);
    CHECK(task.validated.back() == Approx(mean));
    CHECK(task.validated.back() > values.back());  // which fall
    CHECK(best == task.validated.back());
    REQUIRE(trainer.matrices().size() == 1);  // SGD has none of its own
    CHECK(trainer.matrices()[0].name == "average/w");
}

TEST_CASE("a validation that throws leaves the weights in place of their mean", "[trainer]") {
    class Throwing : public Square {
      public:
        Validation validate() override { throw Error({.what = "no validation"}); }
    };
    Throwing task;
    task.script = {1};
    TrainerOptions options = plain(1);
    options.average = 0.9;
    CHECK_THROWS_AS(Trainer(task, options).run({}), Error);
    Square raw;
    Trainer(raw, plain(1)).run({});
    CHECK(same_parameters(task.parameters(), raw.parameters()));
}

TEST_CASE("training without patience goes on", "[trainer]") {
    Square task;
    task.script = {0.5};
    TrainerOptions options = plain(10);
    options.patience = 0;
    CHECK(Trainer(task, options).run({}) == StopReason::epochs_done);
}

TEST_CASE("training ends when validation is good enough", "[trainer]") {
    Square task;
    task.script = {0.1, 0.9};
    TrainerOptions options = plain(10);
    options.target_metric = 0.8;
    Trainer trainer(task, options);
    CHECK(trainer.run({}) == StopReason::target_reached);
    CHECK(trainer.state().epoch == 2);
}

TEST_CASE("training ends when its time is over, and still leaves a model", "[trainer]") {
    Square task;
    TrainerOptions options = plain(1000000);
    options.max_seconds = 0.05;
    Trainer trainer(task, options);
    bool kept = false;
    Trainer::Callbacks callbacks;
    callbacks.snapshot_best = [&] { kept = true; };
    CHECK(trainer.run(callbacks) == StopReason::time_over);
    CHECK(trainer.state().seconds >= 0.05);
    CHECK(trainer.state().seconds < 5);
    CHECK(kept);
}

TEST_CASE("an interrupted training stops after the step and saves", "[trainer]") {
    Square task;
    Trainer trainer(task, plain(5));
    int steps = 0, saved = 0;
    Trainer::Callbacks callbacks;
    callbacks.interrupted = [&] { return ++steps == 4; };
    callbacks.save = [&] { ++saved; };
    CHECK(trainer.run(callbacks) == StopReason::interrupted);
    CHECK(trainer.state().epoch == 1);
    CHECK(trainer.state().step == 1);
    CHECK(saved == 1);
}

TEST_CASE("an interrupted training goes on with the same bits, wherever it was interrupted", "[trainer]") {
    Square whole;
    Trainer(whole, plain(3)).run({});
    for (const int stop : {1, 3, 4, 9}) {
        Square task;
        TrainerState state;
        {
            Trainer trainer(task, plain(3));
            int steps = 0;
            Trainer::Callbacks callbacks;
            callbacks.interrupted = [&] { return ++steps == stop; };
            trainer.run(callbacks);
            state = trainer.state();
        }
        Trainer trainer(task, plain(3));
        trainer.resume(state);
        std::vector<double> rates;
        Trainer::Callbacks callbacks;
        callbacks.epoch = [&](const EpochReport& report) { rates.push_back(report.rate); };
        CHECK(trainer.run(callbacks) == StopReason::epochs_done);
        CHECK(task.seen == whole.seen);
        CHECK(same_parameters(task.parameters(), whole.parameters()));
        for (const double rate : rates) CHECK(rate == 0.01);
    }
}

TEST_CASE("a batch ends before its summed sizes exceed the limit", "[trainer]") {
    const auto batches_of = [](const std::vector<Index>& sizes, Index batch, Index limit) {
        Square task;
        task.sizes = sizes;
        task.set_examples(std::ssize(sizes));
        TrainerOptions options = plain(1);
        options.batch = batch;
        options.max_batch_size = limit;
        Trainer trainer(task, options);
        std::vector<std::vector<Index>> batches;  // the sizes of their items
        Trainer::Callbacks callbacks;
        callbacks.step = [&](const StepReport& report) {
            std::vector<Index>& of = batches.emplace_back();
            for (const Index item : task.seen) of.push_back(sizes[static_cast<std::size_t>(item)]);
            task.seen.clear();
            CHECK(report.step == std::ssize(batches));
        };
        trainer.run(callbacks);
        return batches;
    };
    std::vector<Index> sizes;
    for (Index i = 0; i < 50; ++i) sizes.push_back(i * 7 % 11 + 1);
    const auto batches = batches_of(sizes, 100, 25);
    Index items = 0;
    for (std::size_t i = 0; i < batches.size(); ++i) {
        const Index sum = std::accumulate(batches[i].begin(), batches[i].end(), Index{0});
        CHECK(sum <= 25);
        if (i + 1 < batches.size()) CHECK(sum + batches[i + 1].front() > 25);
        items += std::ssize(batches[i]);
    }
    CHECK(items == 50);
    CHECK(batches_of(sizes, 100, 0).size() == 1);
    for (const auto& batch : batches_of(sizes, 2, 25)) CHECK(batch.size() <= 2);
    CHECK(batches_of({30, 40, 50}, 10, 25).size() == 3);  // an item that is too large has a batch of its own
    CHECK(batches_of({0, 0, 0}, 10, 25).size() == 1);
}

TEST_CASE("a training with batches by size goes on with the same bits, wherever it was interrupted", "[trainer]") {
    const auto sized = [](Square& task) -> Square& {
        for (Index i = 0; i < 10; ++i) task.sizes.push_back(i * i % 7 + 1);
        return task;
    };
    TrainerOptions options = plain(3);
    options.max_batch_size = 7;
    options.schedule.decay = Decay::linear;
    Square whole;
    Trainer trainer(sized(whole), options);
    trainer.run({});
    const Index steps = trainer.state().optimizer_steps;
    CHECK(steps > 12);
    CHECK(std::abs(trainer.planned_steps() - steps) < 6);
    for (Index stop = 1; stop < steps; ++stop) {
        Square task;
        Trainer first(sized(task), options);
        Index done = 0;
        Trainer::Callbacks callbacks;
        callbacks.interrupted = [&] { return ++done == stop; };
        first.run(callbacks);
        Trainer second(task, options);
        second.resume(first.state());
        CHECK(second.run({}) == StopReason::epochs_done);
        CHECK(task.seen == whole.seen);
        CHECK(same_parameters(task.parameters(), whole.parameters()));
    }
    Trainer beyond(whole, options);
    beyond.resume({.step = 10});  // an epoch could have as many steps, but this one has not
    CHECK_THROWS_AS(beyond.run({}), Error);
}

TEST_CASE("the shards of a batch have about equal sizes", "[trainer]") {
    class Shards : public Square {
      public:
        std::vector<Index> sums;  // of each shard
        Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override {
            Index sum = 0;
            for (const Index item : items) sum += size(item);
            sums.push_back(sum);
            return Square::loss(tape, items, rng);
        }
    };
    const ThreadLimit limit(1);
    Shards task;
    for (Index i = 0; i < 40; ++i) task.sizes.push_back(i * 13 % 17 + 1);
    task.set_examples(40);
    TrainerOptions options = plain(1);
    options.batch = 40;
    options.shards = 4;
    Trainer(task, options).run({});
    REQUIRE(task.sums.size() == 4);
    const Index total = std::accumulate(task.sums.begin(), task.sums.end(), Index{0});
    for (const Index sum : task.sums) CHECK(std::abs(4 * sum - total) <= 4 * 17);
    CHECK(task.seen.size() == 40);
}

TEST_CASE("losses are told for each question, whatever the units", "[trainer]") {
    Square task;
    task.several_questions = true;
    task.factor = 2;  // for each unit
    task.set_examples(9);
    TrainerOptions options = plain(1);
    options.batch = 9;
    Trainer trainer(task, options);
    double loss = 0;
    Trainer::Callbacks callbacks;
    callbacks.epoch = [&](const EpochReport& report) { loss = report.loss; };
    trainer.run(callbacks);
    CHECK(loss == Approx(9.0 * 2 / 18));  // 9 units, 18 questions
    // The gradient is that of the mean over the questions: 2 w * 9 * 2 / 18 = 2.
    CHECK(task.parameters()[0].value(0, 0) == Approx(1 - 0.01 * 2));
}

TEST_CASE("the gradient of summed losses is not divided", "[trainer]") {
    Square task;
    TrainerOptions options = plain(1);
    options.batch = 10;
    options.sum_losses = true;
    Trainer(task, options).run({});
    CHECK(task.parameters()[0].value(0, 0) == Approx(1 - 0.01 * 20));
}

TEST_CASE("a phase ends when the validation loss stops falling, and the last one is trained in full", "[trainer]") {
    Square task;
    task.phase_count = 2;
    task.losses = {3, 2, 2.5, 9};
    task.script = {0.9, 0.9, 0.9, 0.9, 0.1, 0.2, 0.1};
    TrainerOptions options = plain(3);
    options.patience = 0;
    options.start_rate = 0.005;
    options.start_patience = 2;
    Trainer trainer(task, options);
    std::vector<double> rates;
    std::vector<Index> phases;
    std::vector<bool> improved;
    Index epochs = 0;
    Trainer::Callbacks callbacks;
    callbacks.step = [&](const StepReport& report) { epochs = report.epochs; };
    callbacks.epoch = [&](const EpochReport& report) {
        rates.push_back(report.rate);
        phases.push_back(report.phase);
        improved.push_back(report.improved);
    };
    CHECK(trainer.run(callbacks) == StopReason::epochs_done);
    CHECK(phases == std::vector<Index>{0, 0, 0, 0, 1, 1, 1});
    CHECK(task.phases_set == std::vector<Index>{0, 1});
    CHECK(rates == std::vector<double>{0.005, 0.005, 0.005, 0.005, 0.01, 0.01, 0.01});
    CHECK(improved == std::vector<bool>{false, false, false, false, true, true, false});  // of the last phase alone
    CHECK(trainer.state().best == 0.2);
    CHECK(trainer.state().best_epoch == 6);
    CHECK(epochs == 7);
}

TEST_CASE("a phase that goes on getting better ends all the same", "[trainer]") {
    Square task;  // its training loss falls and falls, and there is no validation
    task.phase_count = 2;
    TrainerOptions options = plain(2);
    options.start_epochs = 4;
    Trainer trainer(task, options);
    CHECK(trainer.run({}) == StopReason::epochs_done);
    CHECK(trainer.state().epoch == 6);
    CHECK(trainer.state().phase == 1);
    CHECK(trainer.state().phase_epoch == 4);
}

TEST_CASE("a training goes on in the phase in which it was interrupted", "[trainer]") {
    const auto task_of_two = [](Square& task) -> Square& {
        task.phase_count = 2;
        return task;
    };
    TrainerOptions options = plain(2);
    options.start_epochs = 2;
    options.start_rate = 0.003;
    options.schedule.decay = Decay::halve;
    options.schedule.halve_every = 1;
    Square whole;
    Trainer(task_of_two(whole), options).run({});
    for (const int stop : {1, 5, 6, 7, 9, 11}) {  // an epoch has 3 steps
        Square task;
        TrainerState state;
        {
            Trainer trainer(task_of_two(task), options);
            int steps = 0;
            Trainer::Callbacks callbacks;
            callbacks.interrupted = [&] { return ++steps == stop; };
            trainer.run(callbacks);
            state = trainer.state();
        }
        Trainer trainer(task, options);
        trainer.resume(state);
        CHECK(task.phases_set.back() == state.phase);
        CHECK(trainer.run({}) == StopReason::epochs_done);
        CHECK(same_parameters(task.parameters(), whole.parameters()));
        CHECK(task.seen == whole.seen);
    }
}

TEST_CASE("a training that diverges says where", "[trainer]") {
    TrainerOptions options = plain(100);
    options.schedule.rate = 1e30;
    Square task;
    const std::string error = failure(task, options);
    CHECK_THAT(error, Catch::Contains("diverged") && Catch::Contains("epoch 1, step 2") && Catch::Contains("w"));

    Square broken;
    broken.factor = std::numeric_limits<Real>::quiet_NaN();
    CHECK_THAT(failure(broken, plain(1)), Catch::Contains("epoch 1, step 1") && Catch::Contains("parameter w"));
}

TEST_CASE("a parameter that becomes infinite is found at once when every parameter is looked at", "[trainer]") {
    TrainerOptions options = plain(1);
    options.batch = 10;
    options.schedule.rate = 3e38;  // the gradient is 2: the parameter goes over the limit in one step
    Square task;
    CHECK(failure(task, options).empty());  // one step, after which nobody looks
    Square watched;
    options.check_nan = true;
    CHECK_THAT(failure(watched, options), Catch::Contains("epoch 1, step 1") && Catch::Contains("parameter w"));
}

TEST_CASE("nothing to learn from is an error", "[trainer]") {
    Square task;
    task.set_examples(0);
    CHECK_THROWS_WITH(Trainer(task, plain(1)), Catch::Contains("nothing to learn from"));
}

TEST_CASE("a training does not go on from where it cannot stand", "[trainer]") {
    Square task;
    Trainer trainer(task, plain(3));
    const auto refused = [&](auto change) {
        TrainerState state;
        change(state);
        CHECK_THROWS_AS(trainer.resume(state), Error);
    };
    refused([](TrainerState& s) { s.step = -1; });
    refused([](TrainerState& s) { s.step = 4; });
    refused([](TrainerState& s) { s.epoch = -1; });
    refused([](TrainerState& s) { s.optimizer_steps = -1; });
    refused([](TrainerState& s) { s.best_epoch = 1; });
    refused([](TrainerState& s) { s.loss = NAN; });
    refused([](TrainerState& s) { s.phase = 1; });
    refused([](TrainerState& s) { s.phase = -1; });
    refused([](TrainerState& s) { s.phase_epoch = 1; });
    refused([](TrainerState& s) { s.epoch = std::numeric_limits<Index>::max(); });
    refused([](TrainerState& s) { s.epoch = s.phase_epoch = 1'000'001; });
    refused([](TrainerState& s) { s.optimizer_steps = std::numeric_limits<Index>::max(); });
    refused([](TrainerState& s) { s.epochs_without_improvement = 1; });
    refused([](TrainerState& s) { s.best = NAN; });
    refused([](TrainerState& s) { s.best_loss = NAN; });
    refused([](TrainerState& s) { s.seconds = INFINITY; });
    refused([](TrainerState& s) { s.lowest_loss = NAN; });
    refused([](TrainerState& s) { s.lowest_epoch = 1; });
    refused([](TrainerState& s) { s.gradient_norm = -1; });
    refused([](TrainerState& s) { s.errors_by_group = {-1}; });
}

TEST_CASE("an interruption anywhere in an epoch changes nothing that is reported of it", "[trainer]") {
    std::vector<std::array<double, 3>> expected, told;
    const auto tell = [](std::vector<std::array<double, 3>>& to) {
        Trainer::Callbacks callbacks;
        callbacks.epoch = [&to](const EpochReport& r) { to.push_back({r.loss, r.rate, r.gradient_norm}); };
        return callbacks;
    };
    Square whole;
    Trainer(whole, plain(2)).run(tell(expected));
    CHECK(expected[0][2] > 0);
    Square task;
    TrainerState state;
    Trainer::Callbacks callbacks = tell(told);
    callbacks.interrupted = [] { return true; };
    for (StopReason reason = StopReason::interrupted; reason == StopReason::interrupted;) {
        Trainer trainer(task, plain(2));
        trainer.resume(state);
        reason = trainer.run(callbacks);
        state = trainer.state();
    }
    CHECK(told == expected);
}

TEST_CASE("a training that has ended does not go on", "[trainer]") {
    TrainerOptions options = plain(10);
    Square task;
    task.script = {0.5, 0.4};
    SECTION("by patience") { options.patience = 2; }
    SECTION("by its target") { options.target_metric = 0.5; }
    SECTION("by time") { options.max_seconds = 1e-9; }
    Trainer trainer(task, options);
    const StopReason reason = trainer.run({});
    REQUIRE(reason != StopReason::epochs_done);
    const TrainerState state = trainer.state();
    task.seen.clear();
    Trainer again(task, options);
    again.resume(state);
    CHECK(again.stop_reason() == reason);
    CHECK(again.run({}) == reason);
    CHECK(task.seen.empty());
    CHECK(again.state() == state);
}

TEST_CASE("a score of which less is better selects, ends and resumes training", "[trainer]") {
    TrainerOptions options = plain(10);
    options.target_metric = 1.25;
    Square task;
    task.script = {3, 4, 2, 1.25, 1};
    std::vector<Index> improved;
    Trainer::Callbacks callbacks;
    callbacks.epoch = [&](const EpochReport& report) {
        if (report.improved) improved.push_back(report.epoch);
    };
    Trainer trainer(task, options, {.higher_is_better = false});
    CHECK(trainer.run(callbacks) == StopReason::target_reached);
    CHECK(improved == std::vector<Index>{1, 3, 4});
    CHECK(trainer.state().best == 1.25);
    Trainer again(task, options, {.higher_is_better = false});
    again.resume(trainer.state());
    CHECK(again.stop_reason() == StopReason::target_reached);
}

TEST_CASE("a loss that is not a number is not the lowest of a phase", "[trainer]") {
    Square task;
    task.script = {0.5};
    task.losses = {NAN};
    task.phase_count = 2;
    TrainerOptions options = plain(1);
    options.start_epochs = 2;
    Trainer trainer(task, options);
    CHECK(trainer.run({}) == StopReason::epochs_done);
    CHECK_FALSE(trainer.state().lowest_loss);
}

TEST_CASE("a share is from 0 to 1", "[trainer]") {
    Square task;
    const ScoreType share{.is_share = true};
    TrainerOptions options = plain(1);
    options.target_metric = 1.5;
    CHECK_THROWS_AS(Trainer(task, options, share), UsageError);
    Trainer trainer(task, plain(1), share);
    for (const double best : {-0.5, 1.5}) {
        TrainerState state;
        state.best = best;
        CHECK_THROWS_AS(trainer.resume(state), Error);
    }
}

TEST_CASE("runs of seeds that follow each other share no random numbers", "[trainer]") {
    // What one step draws from the generator of choices and from that of dropout.
    class Draws : public Square {
      public:
        std::set<std::uint64_t> drawn;
        Var loss(Tape& tape, std::span<const Index> examples, Rng& rng) override {
            drawn.insert({rng.bits(), tape.next_seed()});
            return Square::loss(tape, examples, rng);
        }
    };
    std::set<std::uint64_t> all;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Draws task;
        TrainerOptions options = plain(2);
        options.seed = seed;
        Trainer(task, options).run({});
        all.insert(task.drawn.begin(), task.drawn.end());
    }
    CHECK(all.size() == 10 * 2 * 6);  // of both generators, in six steps
}

TEST_CASE("impossible options are refused", "[trainer]") {
    const auto refused = [](auto change) {
        TrainerOptions options;
        change(options);
        CHECK_THROWS_AS(options.validate(), UsageError);
    };
    refused([](auto& o) { o.epochs = 0; });
    refused([](auto& o) { o.batch = std::numeric_limits<Index>::max(); });
    refused([](auto& o) { o.shards = 0; });
    refused([](auto& o) { o.schedule.rate = NAN; });
    refused([](auto& o) { o.schedule.warmup = 2; });
    refused([](auto& o) { o.schedule.halve_every = 0; });
    refused([](auto& o) { o.schedule.decay = Decay::inverse_sqrt; });  // without a warm-up
    refused([](auto& o) { o.optimizer.weight_decay = -1; });
    refused([](auto& o) { o.average = 1; });
    refused([](auto& o) { o.max_batch_size = -1; });
    refused([](auto& o) { o.start_epochs = 0; });
    refused([](auto& o) { o.start_rate = -1; });
    refused([](auto& o) { o.optimizer.beta1 = 1; });
    refused([](auto& o) { o.optimizer.epsilon = 0; });
    refused([](auto& o) { o.optimizer.clip_norm = -1; });
    refused([](auto& o) { o.patience = -1; });
    refused([](auto& o) { o.max_seconds = NAN; });
    refused([](auto& o) { o.target_metric = NAN; });
    refused([](auto& o) { o.optimizer.clip_norm = INFINITY; });
    refused([](auto& o) { o.max_seconds = INFINITY; });
    refused([](auto& o) { o.patience = std::numeric_limits<Index>::max(); });
    refused([](auto& o) { o.start_patience = std::numeric_limits<Index>::max(); });
}
