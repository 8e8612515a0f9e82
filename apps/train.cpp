// kvmem train DATA --run DIRECTORY: training with live progress, and going on with a run.
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/train/group.hpp"
#include "program.hpp"
#include "train_options.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>

namespace kvmem::apps {

static const char* const about =
    "Trains a memory network on the data set's training split, keeps what is best on its validation split, and leaves\n"
    "everything in the run directory. SIGINT or SIGTERM saves and stops; --resume goes on with the same bits as if\n"
    "nothing had happened. The result does not depend on the number of threads.";

static std::string describe(const StepReport& r) {
    std::ostringstream line;
    char rate[32], loss[32];
    std::snprintf(rate, sizeof rate, "%.1e", r.rate);
    std::snprintf(loss, sizeof loss, "%.3f", r.loss);
    line << "epoch " << r.epoch << "/" << r.epochs << "  step " << r.step << "/" << r.steps << "  loss " << loss;
    if (r.best) line << "  best hits@1 " << percent(*r.best);
    line << "  lr " << rate << "  " << short_number(r.examples_per_second) << " ex/s  ETA " << minutes(r.seconds_left);
    return line.str();
}

static std::string describe(const EpochReport& r) {
    std::ostringstream line;
    char loss[32];
    std::snprintf(loss, sizeof loss, "%.3f", r.loss);
    line << "epoch " << r.epoch << "  loss " << loss;
    if (r.validated) line << "  hits@1 " << percent(r.metrics.hits_at_1) << (r.improved ? " *" : "  ");
    line << "  " << minutes(r.seconds);
    return line.str();
}

// What is asked of a run that is there already: nothing but more epochs.
static Index resumed_epochs(const po::variables_map& values) {
    for (const auto& [name, value] : values)
        if (!value.defaulted() && name != "run" && name != "resume" && name != "epochs" && name != "threads" &&
            name != "help")
            throw UsageError({.what = "a resumed run keeps its settings",
                              .expected = "none but --epochs and --threads",
                              .got = "--" + name,
                              .where = {},
                              .hint = "they are in config.json"});
    if (!values.count("epochs")) return 0;
    TrainerOptions options;
    set_field(options, "epochs", values["epochs"].as<std::string>());
    options.validate();
    return options.epochs;
}

// "12.3 %", or that there is nothing to say.
static std::string percent_if(const std::optional<double>& share) { return share ? percent(*share) : "no validation"; }

// Of its directory, with the task that it is for where that is not the same.
static std::string name_of(const TrainingGroup::Member& m) {
    return m.task.empty() || m.task == m.name ? m.name : m.name + " (" + printable(m.task) + ")";
}

// Shows one run after the other.
class Show {
  public:
    TrainingSession::Callbacks begin(const std::string& name, const TrainingSession& session) {
        const std::string prefix = name.empty() ? "" : name + "  ";
        if (name.empty()) {
            std::cerr << plural(session.dataset().split("train").size(), "training question") << ", "
                      << plural(session.dataset().memory.size(), "memory slot") << ", "
                      << plural(session.model().parameters().count(), "parameter") << ", "
                      << plural(thread_count(), "thread") << "\n";
        }
        TrainingSession::Callbacks callbacks;
        callbacks.step = [this, prefix](const StepReport& report) {
            if (progress_.due()) progress_.show(prefix + describe(report));
        };
        callbacks.epoch = [this, prefix](const EpochReport& report) {
            // Of a group only what stands on a line that is rewritten.
            if (prefix.empty())
                progress_.finish(describe(report));
            else if (progress_.due())
                progress_.show(prefix + describe(report));
        };
        callbacks.interrupted = [] { return Interruption::signal() != 0; };
        interruption_.emplace();
        return callbacks;
    }
    void end(const TrainingGroup::Member& member) {
        interruption_.reset();
        progress_.finish(name_of(member) + "  " + plural(member.epochs, "epoch") + "  " +
                         (member.hits_at_1 ? "hits@1 " : "") + percent_if(member.hits_at_1) + "  " +
                         minutes(member.seconds));
    }
    void clear() { progress_.clear(); }

  private:
    Progress progress_;
    std::optional<Interruption> interruption_;  // while there is something to save; before that, signals end at once
};

static int interrupted(const std::string& directory) {
    std::cerr << "saved; go on with: kvmem train --resume --run " << directory << "\n";
    return 128 + Interruption::signal();
}

static int train_one(TrainingSession session, const std::string& directory) {
    Show show;
    const StopReason reason = session.run(show.begin("", session));
    show.clear();
    if (reason == StopReason::interrupted) return interrupted(directory);
    const TrainerState& state = session.state();
    std::cerr << describe(reason) << ", " << minutes(state.seconds);
    if (state.best)
        std::cerr << "; best validation hits@1 " << percent(*state.best) << " after epoch " << state.best_epoch;
    std::cerr << "; model in " << directory << "\n";
    return 0;
}

static std::string error_of(const std::optional<double>& hits) {
    return percent_if(hits ? std::optional(1 - *hits) : std::nullopt);
}

static void print_table(const TrainingGroup& group) {
    const std::vector<TrainingGroup::Member>& members = group.members();
    std::cout << "validation error\n";
    for (const TrainingGroup::Member& m : members)
        std::cout << "  " << std::left << std::setw(36) << name_of(m) << error_of(m.hits_at_1) << "\n";
    std::cout << "  " << std::left << std::setw(36) << "mean" << error_of(group.mean()) << "\n";
    if (group.config().per_task) {
        const auto failed =
            std::count_if(members.begin(), members.end(), [](auto& m) { return m.hits_at_1 && *m.hits_at_1 < 0.95; });
        std::cout << "  " << std::left << std::setw(36) << "tasks failed (above 5 %)" << failed << "\n";
    } else if (const TrainingGroup::Member* best = group.best()) {
        std::cout << "  " << std::left << std::setw(36) << "standard deviation" << percent_if(group.deviation())
                  << "\n";
        std::cout << "  " << std::left << std::setw(36) << "best" << error_of(best->hits_at_1) << " (" << best->name
                  << ")\n";
    }
}

static int train_group(TrainingGroup group, const std::string& directory) {
    Show show;
    const StopReason reason = group.run(
        {.begin = [&](const std::string& name, const TrainingSession& session) { return show.begin(name, session); },
         .end = [&](const TrainingGroup::Member& member) { show.end(member); }});
    show.clear();
    if (reason == StopReason::interrupted) return interrupted(directory);
    print_table(group);
    std::cerr << minutes(group.seconds()) << " of training; models in " << directory << "\n";
    return 0;
}

int run_train(const Arguments& arguments) {
    int threads = 0;
    CommandLine line{.usage = "kvmem train DATA --run DIRECTORY [options]\n       kvmem train --resume --run DIRECTORY",
                     .about = about,
                     .positional = {"data"}};
    line.options.add_options()                                             //
        ("run,r", po::value<std::string>(), "the run directory, to make")  //
        ("resume", "go on with the run that is there")                     //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core");
    add_train_options(line);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    const std::string directory = required(values, "run", "the run directory");
    if (values.count("resume")) {
        const Index epochs = resumed_epochs(values);
        return RunFiles{directory}.read_config().is_group()
                   ? train_group(TrainingGroup::resume(directory, epochs), directory)
                   : train_one(TrainingSession::resume(directory, epochs), directory);
    }
    const RunConfig config = run_config(values, required(values, "data", "the data set to train on"));
    return config.is_group() ? train_group(TrainingGroup::begin(directory, config), directory)
                             : train_one(TrainingSession::begin(directory, config), directory);
}

}  // namespace kvmem::apps
