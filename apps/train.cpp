// kvmem train DATA --run DIRECTORY: training with live progress, and going on with a run.
#include "kvmem/cluster/cluster.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/train/group.hpp"
#include "program.hpp"
#include "ranks.hpp"
#include "task_table.hpp"
#include "train_options.hpp"

#include <algorithm>
#include <bit>
#include <csignal>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>

namespace kvmem::apps {

static const char* const about_train =
    "Trains a network on the data set's training split, keeps what is best on its validation split, and leaves\n"
    "everything in the run directory. SIGINT or SIGTERM saves and stops; --resume goes on with the same bits as if\n"
    "nothing had happened. The result does not depend on the number of threads, nor of machines: built with "
    "KVMEM_MPI,\n"
    "`mpirun kvmem train ...` deals the shards of each batch to all ranks, or the runs of --runs and --per-task.";

// "86.2%" for a share, the number for another score.
static std::string text_of(const ScoreType& type, double score) {
    return type.is_share ? percent(score) : formatted("%.4g", score);
}

static std::string text_of(const ScoreType& type, const std::optional<double>& score) {
    return score ? text_of(type, *score) : "no validation";
}

static std::string describe(const StepReport& r, const ScoreType& score, const std::string& example) {
    std::ostringstream line;
    line << "epoch " << r.epoch << "/" << r.epochs << "  step " << r.step << "/" << r.steps << "  loss "
         << formatted("%.3f", r.loss);
    if (r.best) line << "  best " << score.label << " " << text_of(score, *r.best);
    line << "  lr " << formatted("%.1e", r.rate) << "  " << short_number(r.examples_per_second) << " " << example
         << "s/s  ETA " << minutes(r.seconds_left);
    return line.str();
}

// Phases before the last one are named, since they count epochs of their own.
static std::string describe(const EpochReport& r, const ScoreType& score, Index phases) {
    std::ostringstream line;
    if (r.phase + 1 < phases) line << "phase " << r.phase + 1 << " of " << phases << "  ";
    line << "epoch " << r.epoch << "  loss " << formatted("%.3f", r.loss);
    if (r.validation)
        line << "  " << score.label << " " << text_of(score, r.validation->score) << (r.improved ? " *" : "  ");
    line << "  " << minutes(r.seconds);
    return line.str();
}

// The option --epochs of a resumed run, or 0. Throws UsageError for options that would change the run otherwise.
static Index resumed_epochs(const po::variables_map& values) {
    for (const auto& [name, value] : values)
        if (!value.defaulted() && name != "run" && name != "resume" && name != "epochs" && name != "threads" &&
            name != "help")
            throw UsageError({.what = "a resumed run keeps its settings",
                              .expected = "none but --epochs and --threads",
                              .got = "--" + name,
                              .hint = "they are in config.json"});
    if (!values.count("epochs")) return 0;
    TrainerOptions options;
    set_field(options, "epochs", values["epochs"].as<std::string>());
    options.validate();
    return options.epochs;
}

// The name of the member's directory, and of its task if that differs.
static std::string name_of(const TrainingGroup::Member& m) {
    return m.task.empty() || m.task == m.name ? m.name : m.name + " (" + printable(m.task) + ")";
}

// Models that only count are runs like any other, without anything to learn.
static bool learns(const TrainingSession& session) { return session.objective().parameters().count() > 0; }

// A run of few steps ends like any other, with a model that has learned little. "" for others.
static std::string warning_of_few_steps(const TrainingSession& session) {
    constexpr Index few = 50;
    const Index steps = session.planned_steps();
    if (steps >= few || !learns(session)) return {};
    return "warning: " + plural(steps, "step") + " in all epochs will teach little; try a smaller --batch (now " +
           std::to_string(session.config().trainer.batch) + ") or more --epochs";
}

// The best epoch of few examples is one of chance. "" for enough of them, or no validation.
static std::string warning_of_few_examples(const EpochReport& r, const std::string& example) {
    constexpr Index few = 20;
    if (!r.validation || r.validation->examples >= few) return {};
    return "warning: " + plural(r.validation->examples, example) +
           " of validation are too few to choose the best epoch by; import more of them";
}

static bool is_first(const Cluster* cluster) { return !cluster || cluster->rank() == 0; }

// Ranks with more shards than others compute longer. "" for equal shares.
static std::string warning_of_shares(const TrainingSession& session, const Cluster* cluster) {
    if (!cluster) return {};
    const Index shards = session.config().trainer.shards, ranks = cluster->size();
    if (shards % ranks == 0 && std::has_single_bit(static_cast<std::uint64_t>(shards / ranks))) return {};
    const auto share = static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>((shards + ranks - 1) / ranks)));
    return "warning: " + plural(shards, "shard") + " make no equal shares of " + plural(ranks, "rank") + "; --shards " +
           std::to_string(share * ranks) + " would";
}

// Shows the progress of runs, one after the other. A single run prints epochs; of a group, the line is rewritten.
class TrainingDisplay {
  public:
    TrainingDisplay(ScoreType score, const Cluster* cluster) : score_(std::move(score)), cluster_(cluster) {}

    TrainingSession::Callbacks begin(const std::string& name, const TrainingSession& session) {
        const std::string prefix = name.empty() ? "" : name + "  ";
        if (!is_first(cluster_)) return only_interruption();
        if (name.empty()) {
            for (const auto& [noun, count] : session.objective().describe("").counts)
                std::cerr << plural(count, noun) << ", ";
            std::cerr << plural(session.objective().parameters().count(), "parameter") << ", "
                      << (cluster_ ? plural(cluster_->size(), "rank") + " of " : "") << plural(thread_count(), "thread")
                      << "\n";
            if (const std::string warning = warning_of_shares(session, cluster_); !warning.empty())
                progress_.print(warning);
        }
        if (const std::string warning = warning_of_few_steps(session); !warning.empty())
            progress_.print(prefix + warning);
        TrainingSession::Callbacks callbacks;
        callbacks.step = [this, prefix, example = session.objective().noun()](const StepReport& report) {
            epochs_ = report.epochs;
            if (progress_.due()) progress_.show(prefix + describe(report, score_, example));
        };
        callbacks.epoch = [this, prefix, phases = session.objective().phases(),
                           example = session.objective().noun()](const EpochReport& report) {
            if (const std::string warning = warning_of_few_examples(report, example);
                report.epoch == 1 && !warning.empty())
                progress_.print(prefix + warning);
            before_ = std::exchange(last_, report.loss);
            if (prefix.empty() && has_line(report.epoch))
                progress_.print(describe(report, score_, phases));
            else if (progress_.due())
                progress_.show(prefix + describe(report, score_, phases));
        };
        callbacks.interrupted = only_interruption().interrupted;
        return callbacks;
    }
    void end(const TrainingGroup::Member& member) {
        interruption_.reset();
        progress_.print(name_of(member) + "  " + plural(member.epochs, "epoch") + "  " +
                        (member.score ? score_.label + " " : "") + text_of(score_, member.score) + "  " +
                        minutes(member.seconds));
    }
    void clear() { progress_.clear(); }

    // What a further training may gain, or "".
    std::string advice(const TrainerState& state, const std::string& directory) const {
        const bool was_best = state.best && state.best_epoch == state.epoch;
        const bool falls = before_ > 0 && last_ < 0.9 * before_;
        if (!was_best && !falls) return {};
        return std::string(was_best ? "the last epoch was the best" : "") + (was_best && falls ? " and " : "") +
               (falls ? "the loss still falls" : "") + "; go on with: kvmem train --resume --run " + quoted(directory) +
               " --epochs " + std::to_string(2 * state.epoch);
    }

  private:
    TrainingSession::Callbacks only_interruption() {
        interruption_.emplace();
        return {.step = {}, .epoch = {}, .interrupted = [] { return Interruption::signal() != 0; }};
    }

    // Of many epochs some 20 to 40 have a line that stays.
    bool has_line(Index epoch) const {
        return epoch % std::max<Index>(epochs_ / 20, 1) == 0 || epoch == 1 || epoch == epochs_;
    }

    Index epochs_ = 0;              // the expected number
    double before_ = 0, last_ = 0;  // losses of the last two epochs
    ScoreType score_;
    const Cluster* cluster_;
    Progress progress_;
    std::optional<Interruption> interruption_;  // set during training; before, a signal ends the program
};

// Of several ranks, one that had no signal itself ends as if it had SIGTERM.
static int interrupted(const std::string& directory, const Cluster* cluster) {
    if (is_first(cluster)) std::cerr << "saved; go on with: kvmem train --resume --run " << quoted(directory) << "\n";
    return 128 + (Interruption::signal() != 0 ? Interruption::signal() : SIGTERM);
}

static int train_one(TrainingSession session, const TaskType& task, const std::string& directory,
                     const Cluster* cluster) {
    TrainingDisplay display(task.score(), cluster);
    const StopReason reason = session.run(display.begin("", session));
    display.clear();
    if (reason == StopReason::interrupted) return interrupted(directory, cluster);
    if (!is_first(cluster)) return 0;
    const TrainerState& state = session.state();
    std::cerr << describe(reason) << ", " << minutes(state.seconds);
    if (state.best)
        std::cerr << "; best validation " << task.score().label << " " << text_of(task.score(), *state.best)
                  << " after epoch " << state.best_epoch;
    else
        std::cerr << "; without a validation split the last epoch is the model";
    std::cerr << "; model in " << directory << "\n";
    if (cluster)
        std::cerr << "rank 0 has sent " << plural(cluster->counts().messages, "message") << " of "
                  << plural(cluster->counts().bytes, "byte") << " to other ranks\n";
    const bool is_perfect = task.score().is_share && state.best == 1;
    const std::string advice = display.advice(state, directory);
    if (reason == StopReason::epochs_done && learns(session) && !is_perfect && !advice.empty())
        std::cerr << advice << "\n";
    return 0;
}

// The score as the table shows it: a share as its error, 1 - share.
static std::string error_or_score(const ScoreType& type, const std::optional<double>& score) {
    return text_of(type, score && type.is_share ? std::optional(1 - *score) : score);
}

static void print_table(const TrainingGroup& group, const ScoreType& score) {
    const auto row = [](const std::string& name, const auto& value) -> std::ostream& {
        return std::cout << "  " << std::left << std::setw(36) << name << value;
    };
    const std::vector<TrainingGroup::Member>& members = group.members();
    std::cout << "validation " << (score.is_share ? "error" : score.label) << "\n";
    for (const TrainingGroup::Member& m : members) row(name_of(m), error_or_score(score, m.score)) << "\n";
    row("mean", error_or_score(score, group.mean())) << "\n";
    if (group.config().per_task && score.is_share) {
        const auto failed = std::ranges::count_if(members, [](auto& m) { return m.score && *m.score < 0.95; });
        row("tasks failed (above 5 %)", failed) << "\n";
    } else if (const TrainingGroup::Member* best = group.best()) {
        row("standard deviation", text_of(score, group.deviation())) << "\n";
        row("best", error_or_score(score, best->score)) << " (" << best->name << ")\n";
    }
}

static int train_group(TrainingGroup group, const TaskType& task, const std::string& directory,
                       const Cluster* cluster) {
    TrainingDisplay display(task.score(), cluster);
    const StopReason reason = group.run(
        {.begin = [&](const std::string& name, const TrainingSession& session) { return display.begin(name, session); },
         .end = [&](const TrainingGroup::Member& member) { display.end(member); }});
    display.clear();
    if (reason == StopReason::interrupted) return interrupted(directory, cluster);
    if (!is_first(cluster)) return 0;
    print_table(group, task.score());
    std::cerr << minutes(group.seconds()) << " of training; models in " << directory << "\n";
    return 0;
}

static int train(const Arguments& arguments, Cluster* cluster) {
    int threads = 0;
    CommandLine line{.usage = "kvmem train DATA --run DIRECTORY [options]\n       kvmem train --resume --run DIRECTORY",
                     .about = about_train,
                     .positional = {"data"}};
    line.options.add_options()                                             //
        ("run,r", po::value<std::string>(), "the run directory, to make")  //
        ("resume", "go on with the run that is there")                     //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core");
    po::variables_map values;
    if (!parse(line, add_train_options(line, arguments), values)) return 0;
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    const std::string directory = required(values, "run", "the run directory");
    if (values.count("resume")) {
        const Index epochs = resumed_epochs(values);
        const TaskType& task = task_of_run(directory).type();
        return RunFiles{directory}.read_config(task).is_group()
                   ? train_group(TrainingGroup::resume(directory, task, epochs, cluster), task, directory, cluster)
                   : train_one(TrainingSession::resume(directory, task, epochs, cluster), task, directory, cluster);
    }
    const std::string data = required(values, "data", "the data set to train on");
    const Task& kind = train_task(values, data);
    const TaskType& task = kind.type();
    const RunConfig config = run_config(values, kind, data);
    return config.is_group()
               ? train_group(TrainingGroup::begin(directory, config, task, cluster), task, directory, cluster)
               : train_one(TrainingSession::begin(directory, config, task, cluster), task, directory, cluster);
}

int run_train(const Arguments& arguments) {
    return on_ranks([&](Cluster* cluster) { return train(arguments, cluster); });
}

}  // namespace kvmem::apps
