#include "kvmem/train/group.hpp"

#include "io/content_hash.hpp"
#include "io/strict_json.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/cluster.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/io/json_text.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <set>

namespace kvmem {

namespace fs = std::filesystem;
namespace json = boost::json;

static void require_parts(const std::vector<std::string>& parts, const RunConfig& config) {
    if (config.per_task && parts.empty())
        throw UsageError({.what = "no tasks to train a model each for",
                          .expected = "a data set whose examples belong to tasks",
                          .got = "none",
                          .where = config.data});
}

// The task's name with only characters that any file system allows.
static std::string directory_name(std::string task) {
    constexpr std::size_t max_bytes = 240;  // bytes, which leaves room for a number
    for (char& c : task)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '_';
    return task.empty() ? "unnamed" : task.substr(0, max_bytes);
}

// A different name for each task. The first of tasks with equal plain names has that name, the others add a number.
static std::vector<std::string> directory_names(const std::vector<std::string>& tasks) {
    std::set<std::string> plain, given{"lock"};  // "lock" is the group's lock file
    for (const std::string& task : tasks) plain.insert(directory_name(task));
    std::vector<std::string> names;
    for (const std::string& task : tasks) {
        std::string name = directory_name(task);
        const std::string numbered = name + "-";
        for (Index i = 2; given.contains(name) || (i > 2 && plain.contains(name)); ++i)
            name = numbered + std::to_string(i);
        given.insert(name);
        names.push_back(std::move(name));
    }
    return names;
}

static std::string run_name(Index number) { return "run-" + std::to_string(number); }

// The names of the members' directories, each with the member's tasks.
static std::vector<std::pair<std::string, std::vector<std::string>>> members_of(const RunConfig& config,
                                                                                const std::vector<std::string>& parts) {
    std::vector<std::pair<std::string, std::vector<std::string>>> members;
    if (config.per_task) {
        require_parts(parts, config);
        const std::vector<std::string> names = directory_names(parts);
        for (std::size_t i = 0; i < parts.size(); ++i) members.push_back({names[i], {parts[i]}});
    } else {
        for (Index i = 1; i <= config.runs; ++i) members.emplace_back(run_name(i), config.tasks);
    }
    return members;
}

std::vector<MemberRun> member_runs(const RunFiles& files, const RunConfig& config,
                                   const std::vector<std::string>& parts) {
    if (!config.is_group()) return {{files, config.tasks}};
    std::vector<MemberRun> begun;
    for (auto& [name, tasks] : members_of(config, parts))
        if (const RunFiles member{files.directory / name}; is_there(member.config()))
            begun.push_back({member, std::move(tasks)});
    return begun;
}

static std::unique_ptr<FileLock> locked(const RunFiles& files) {
    auto lock = std::make_unique<FileLock>(files.lock(), files.directory, "another kvmem train");
    remove_leftovers(files);
    return lock;
}

TrainingGroup::TrainingGroup(const RunFiles& files, RunConfig config, const TaskType& task,
                             const std::vector<std::string>& parts, Index epochs)
    : files_(files), task_(&task), config_(std::move(config)), epochs_(epochs) {
    RunConfig member = config_;
    member.per_task = false;
    if (!config_.per_task) member.runs = 1;
    for (auto& [name, tasks] : members_of(config_, parts)) {
        if (!config_.per_task) member.set_seed(config_.trainer.seed + plans_.size());
        member.tasks = std::move(tasks);
        plans_.push_back({name, member});
    }
}

// Throws Error unless all ranks have the same members of the same data.
void TrainingGroup::require_same() const {
    if (!cluster_) return;
    RunConfig settings = config_;
    // The bytes of a file tell as much as a fingerprint, for which all of the data would be read once more.
    settings.data_hash = fs::is_regular_file(config_.data)
                             ? xxh3_of_file(config_.data)
                             : task_->make_objective(plans_.front().config)->fingerprint({});
    settings.data.clear();  // a path
    std::string text = to_json(settings);
    for (const Plan& plan : plans_) text += plan.name + "\n";
    require_same_text(*cluster_, text, "settings or data", "give all ranks the same options and data set");
}

// After rank 0 has written the directory: throws Error unless the others see that.
static void require_shared(Cluster* cluster, const RunFiles& files) {
    if (!cluster) return;
    cluster->barrier();
    if (!is_there(files.config()))
        throw Error({.what = "this rank does not see the run directory",
                     .expected = "a directory on a file system that all machines share",
                     .where = files.directory.string()});
}

TrainingGroup TrainingGroup::begin(const fs::path& directory, const RunConfig& config, const TaskType& task,
                                   Cluster* cluster) {
    const RunFiles files{directory};
    const bool writes = !cluster || cluster->rank() == 0;
    if (writes) require_no_run(files);
    const RunConfig absolute = new_run_config(config, task);
    require_possible_target(absolute.trainer, task.score());
    // Reads the data before the directory is made, so that data with an error leave no directory.
    TrainingGroup group(files, absolute, task, task.parts(absolute), 0);
    group.cluster_ = cluster;
    group.require_same();
    if (writes)
        begin_in_directory(files, [&] {
            auto lock = locked(files);
            require_no_run(files);
            replace_file(files.config(), to_json(absolute));
            group.lock_ = std::move(lock);
        });
    require_shared(cluster, files);
    return group;
}

TrainingGroup TrainingGroup::resume(const fs::path& directory, const TaskType& task, Index epochs, Cluster* cluster) {
    const RunFiles files{directory};
    files.read_config(task);  // throws where no run is, before a lock file is made there
    const bool writes = !cluster || cluster->rank() == 0;
    auto lock = writes ? locked(files) : nullptr;
    RunConfig config = files.read_config(task);
    if (epochs > 0) config.trainer.epochs = epochs, config.trainer.min_steps = 0;
    TrainingGroup group(files, config, task, config.per_task ? task.parts(config) : std::vector<std::string>{}, epochs);
    group.lock_ = std::move(lock);
    group.cluster_ = cluster;
    group.require_same();
    require_shared(cluster, files);
    if (epochs > 0 && writes) replace_file(files.config(), to_json(config));
    return group;
}

// Reads the results of a finished run or group.
TrainingGroup::Member TrainingGroup::read_member(const Plan& plan) const {
    const RunFiles files{files_.directory / plan.name};
    Member member{.name = plan.name, .task = config_.per_task ? plan.config.tasks.front() : ""};
    try {
        const json::value results = parse_strictly(read_file(files.results()));
        const json::value& score = results.at(score_field(task_->score()));
        // In files of earlier versions -1 stands for none.
        if (!score.is_null() && (score.to_number<double>() != -1 || task_->score().is_possible(-1)))
            member.score = score.to_number<double>();
        member.epochs = results.at("epochs").to_number<std::int32_t>();
        member.seconds = results.at("seconds").to_number<double>();
    } catch (const std::exception&) {
        throw Error({.what = "not the results of a run",
                     .expected = "what kvmem train wrote",
                     .where = files.results().string(),
                     .hint = "remove the file; the run goes on from its checkpoint"});
    }
    return member;
}

// Whether a member has ended with at least the planned number of epochs: resume() may have raised the number since.
static bool has_done(const RunFiles& files, const RunConfig& plan, const TaskType& task) {
    if (!is_there(files.results()) || files.read_config(task).trainer.epochs < plan.trainer.epochs) return false;
    RunConfig single = plan;
    single.runs = 1;
    for (Index i = 1; plan.is_group() && i <= plan.runs; ++i)
        if (!has_done(RunFiles{files.directory / run_name(i)}, single, task)) return false;
    return true;
}

static void require_tasks(const RunFiles& files, const std::vector<std::string>& tasks, const TaskType& task) {
    if (files.read_config(task).tasks != tasks)
        throw Error({.what = "a member of the group is of other tasks",
                     .expected = "the data set's tasks as they were when the group began",
                     .where = files.config().string(),
                     .hint = "begin a new group"});
}

StopReason TrainingGroup::run_member(const Plan& plan, const Callbacks& callbacks) {
    const RunFiles files{files_.directory / plan.name};
    const bool begun = is_there(files.config());
    if (begun) require_tasks(files, plan.config.tasks, *task_);
    if (epochs_ == 0 && begun && has_done(files, plan.config, *task_)) return StopReason::epochs_done;
    // If a kill came after the group's configuration was written, its member's has the old number of epochs.
    const Index epochs = begun && (epochs_ > 0 || files.read_config(*task_).trainer.epochs < plan.config.trainer.epochs)
                             ? plan.config.trainer.epochs
                             : 0;
    if (plan.config.is_group()) {
        TrainingGroup group =
            begun ? resume(files.directory, *task_, epochs) : begin(files.directory, plan.config, *task_);
        return group.run(callbacks);
    }
    TrainingSession session = begun ? TrainingSession::resume(files.directory, *task_, epochs)
                                    : TrainingSession::begin(files.directory, plan.config, *task_);
    return session.run(callbacks.begin ? callbacks.begin(plan.name, session) : TrainingSession::Callbacks{});
}

StopReason TrainingGroup::run(const Callbacks& callbacks) {
    members_.clear();
    if (cluster_) return run_dealt(callbacks);
    for (const Plan& plan : plans_) {
        if (run_member(plan, callbacks) == StopReason::interrupted) return StopReason::interrupted;
        add_member(plan, callbacks);
    }
    return StopReason::epochs_done;
}

void TrainingGroup::add_member(const Plan& plan, const Callbacks& callbacks) {
    members_.push_back(read_member(plan));
    write_results();
    if (callbacks.end) callbacks.end(members_.back());
}

// The same callbacks, by which a rank that is interrupted stops the others, too.
TrainingGroup::Callbacks TrainingGroup::stopping_all(const Callbacks& callbacks) const {
    Callbacks all = callbacks;
    all.begin = [begin = callbacks.begin, cluster = cluster_](const std::string& name, const TrainingSession& session) {
        TrainingSession::Callbacks of_run = begin ? begin(name, session) : TrainingSession::Callbacks{};
        of_run.interrupted = [here = of_run.interrupted, cluster] {
            if (here && here()) cluster->request_stop();
            return cluster->stop_requested();
        };
        return of_run;
    };
    return all;
}

// Member i is trained by rank i modulo the number of ranks.
StopReason TrainingGroup::run_dealt(const Callbacks& callbacks) {
    const Callbacks inner = stopping_all(callbacks);
    bool interrupted = false;
    for (Index i = cluster_->rank(); i < std::ssize(plans_) && !interrupted; i += cluster_->size())
        interrupted = run_member(plans_[i], inner) == StopReason::interrupted;
    for (const std::string& state : cluster_->gather(interrupted ? "interrupted" : "done"))
        if (state == "interrupted") return StopReason::interrupted;
    if (cluster_->rank() == 0)
        for (const Plan& plan : plans_) add_member(plan, callbacks);
    return StopReason::epochs_done;
}

const TrainingGroup::Member* TrainingGroup::best() const {
    const ScoreType score = task_->score();
    const auto best = std::ranges::max_element(members_, [&](const Member& a, const Member& b) {
        return b.score && (!a.score || score.is_better(*b.score, *a.score));
    });
    return best == members_.end() ? nullptr : &*best;
}

// The scores of the members that have one.
static std::vector<double> scores_of(const std::vector<TrainingGroup::Member>& members) {
    std::vector<double> scores;
    for (const TrainingGroup::Member& m : members)
        if (m.score) scores.push_back(*m.score);
    return scores;
}

static double mean_of(const std::vector<double>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

std::optional<double> TrainingGroup::mean() const {
    const std::vector<double> scores = scores_of(members_);
    return scores.empty() ? std::nullopt : std::optional(mean_of(scores));
}

std::optional<double> TrainingGroup::deviation() const {
    const std::vector<double> scores = scores_of(members_);
    if (scores.empty()) return {};
    double squares = 0;
    for (const double s : scores) squares += (s - mean_of(scores)) * (s - mean_of(scores));
    return std::sqrt(squares / std::max(static_cast<double>(scores.size()) - 1, 1.0));
}

double TrainingGroup::seconds() const {
    double sum = 0;
    for (const Member& m : members_) sum += m.seconds;
    return sum;
}

void TrainingGroup::write_results() const {
    const std::string field = score_field(task_->score());
    json::array members;
    Index epochs = 0;
    for (const Member& m : members_) {
        json::object member{
            {"name", m.name}, {field, json::value_from(m.score)}, {"epochs", m.epochs}, {"seconds", m.seconds}};
        if (config_.per_task) member["task"] = m.task;
        members.push_back(std::move(member));
        epochs += m.epochs;
    }
    json::object results{{"members", members},
                         {field, json::value_from(config_.per_task ? mean() : best()->score)},
                         {"mean", json::value_from(mean())},
                         {"deviation", json::value_from(deviation())},
                         {"epochs", epochs},
                         {"seconds", seconds()}};
    if (!config_.per_task) results["best"] = best()->name;
    if (members_.size() < plans_.size()) results["of"] = plans_.size();
    replace_file(files_.results(), with_plain_numbers(json::serialize(results)) + "\n");
}

}  // namespace kvmem
