#include "kvmem/train/group.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/data/tasks.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cmath>

namespace kvmem {

namespace fs = std::filesystem;
namespace json = boost::json;

// The tasks that were asked for, or all that the data set has.
static std::vector<std::string> tasks_of(const RunConfig& config, const QaDataset& dataset) {
    if (dataset.tasks.empty())
        throw UsageError({.what = "no tasks to train a model each for",
                          .expected = "a data set whose questions belong to tasks",
                          .got = "none",
                          .where = config.data,
                          .hint = {}});
    if (config.tasks.empty()) return dataset.tasks;
    std::vector<std::string> names;
    for (const Index task : find_tasks(dataset, config.tasks))
        names.push_back(dataset.tasks[static_cast<std::size_t>(task)]);
    return names;
}

// Names of directories hold no more than this.
static std::string directory_name(std::string task) {
    for (char& c : task)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '_';
    return task;
}

static std::string run_name(Index number) { return "run-" + std::to_string(number); }

std::vector<MemberRun> member_runs(const RunFiles& files, const RunConfig& config, const QaDataset& dataset) {
    if (!config.is_group()) return {{files, config.tasks}};
    std::vector<MemberRun> members;
    const auto add = [&](const std::string& name, std::vector<std::string> tasks) {
        const RunFiles member{files.directory / name};
        if (fs::exists(member.config())) members.push_back({member, std::move(tasks)});
    };
    if (config.per_task)
        for (const std::string& task : tasks_of(config, dataset)) add(directory_name(task), {task});
    else
        for (Index i = 1; i <= config.runs; ++i) add(run_name(i), config.tasks);
    return members;
}

static std::unique_ptr<FileLock> locked(const RunFiles& files) {
    return std::make_unique<FileLock>(files.lock(), "another kvmem train");
}

TrainingGroup::TrainingGroup(const RunFiles& files, std::unique_ptr<FileLock> lock, RunConfig config, Index epochs)
    : files_(files), lock_(std::move(lock)), config_(std::move(config)), epochs_(epochs) {
    RunConfig member = config_;
    member.per_task = false;
    if (config_.per_task) {
        for (const std::string& task : tasks_of(config_, load_dataset(config_.data))) {
            member.tasks = {task};
            plans_.push_back({directory_name(task), member});
        }
        return;
    }
    member.runs = 1;
    for (Index i = 0; i < config_.runs; ++i) {
        member.trainer.seed = config_.trainer.seed + static_cast<std::uint64_t>(i);
        set_seed(member.model, member.trainer.seed);
        plans_.push_back({run_name(i + 1), member});
    }
}

TrainingGroup TrainingGroup::begin(const fs::path& directory, const RunConfig& config) {
    require_no_run(RunFiles{directory});
    RunConfig absolute = config;
    absolute.data = fs::absolute(config.data).string();
    absolute.validate();
    QaDataset dataset = load_dataset(absolute.data);  // whatever is wrong with it is said before there is a directory
    keep_tasks(dataset, absolute.tasks);
    dataset.split("train");
    const RunFiles files{directory};
    make_directory(files);
    auto lock = locked(files);
    require_no_run(files);
    TrainingGroup group(files, std::move(lock), absolute, 0);
    replace_file(group.files_.config(), to_json(absolute));
    return group;
}

TrainingGroup TrainingGroup::resume(const fs::path& directory, Index epochs) {
    const RunFiles files{directory};
    files.read_config();  // for its error: where there is no run, there is nothing to lock
    auto lock = locked(files);
    RunConfig config = files.read_config();
    if (epochs > 0) config.trainer.epochs = epochs;
    TrainingGroup group(files, std::move(lock), config, epochs);
    if (epochs > 0) replace_file(group.files_.config(), to_json(config));
    return group;
}

// What a finished run or group left.
static TrainingGroup::Member member_of(const std::string& name, const RunFiles& files) {
    TrainingGroup::Member member{.name = name};
    try {
        const json::value results = json::parse(read_file(files.results()));
        const json::value& hits = results.at("valid_hits_at_1");
        if (!hits.is_null()) member.hits_at_1 = hits.to_number<double>();
        member.epochs = results.at("epochs").to_number<Index>();
        member.seconds = results.at("seconds").to_number<double>();
    } catch (const std::exception&) {
        throw Error({.what = "not the results of a run",
                     .expected = "what kvmem train wrote",
                     .got = {},
                     .where = files.results().string(),
                     .hint = "remove the file; the run goes on from its checkpoint"});
    }
    return member;
}

// Whether a member has ended: a group writes its results after each of its own members.
static bool has_ended(const RunFiles& files) {
    if (!fs::exists(files.results())) return false;
    json::error_code code;
    const json::value results = json::parse(read_file(files.results()), code);
    return !code && results.is_object() && !results.as_object().contains("of");
}

StopReason TrainingGroup::run_member(const Plan& plan, const Callbacks& callbacks) {
    const RunFiles files{files_.directory / plan.name};
    const bool begun = fs::exists(files.config());
    if (plan.config.is_group()) {
        TrainingGroup group = begun ? resume(files.directory, epochs_) : begin(files.directory, plan.config);
        return group.run(callbacks);
    }
    TrainingSession session = begun ? TrainingSession::resume(files.directory, epochs_)
                                    : TrainingSession::begin(files.directory, plan.config);
    return session.run(callbacks.begin ? callbacks.begin(plan.name, session) : TrainingSession::Callbacks{});
}

StopReason TrainingGroup::run(const Callbacks& callbacks) {
    members_.clear();
    for (const Plan& plan : plans_) {
        const RunFiles files{files_.directory / plan.name};
        if (epochs_ > 0 || !has_ended(files))
            if (run_member(plan, callbacks) == StopReason::interrupted) return StopReason::interrupted;
        members_.push_back(member_of(plan.name, files));
        write_results();
        if (callbacks.end) callbacks.end(members_.back());
    }
    return StopReason::epochs_done;
}

const TrainingGroup::Member* TrainingGroup::best() const {
    const auto most = std::max_element(members_.begin(), members_.end(),
                                       [](const Member& a, const Member& b) { return a.hits_at_1 < b.hits_at_1; });
    return most == members_.end() ? nullptr : &*most;
}

double TrainingGroup::mean() const {
    double sum = 0;
    for (const Member& m : members_) sum += m.hits_at_1;
    return members_.empty() ? 0 : sum / static_cast<double>(members_.size());
}

double TrainingGroup::deviation() const {
    if (members_.size() < 2) return 0;
    double squares = 0;
    for (const Member& m : members_) squares += (m.hits_at_1 - mean()) * (m.hits_at_1 - mean());
    return std::sqrt(squares / static_cast<double>(members_.size() - 1));
}

double TrainingGroup::seconds() const {
    double sum = 0;
    for (const Member& m : members_) sum += m.seconds;
    return sum;
}

void TrainingGroup::write_results() const {
    json::array members;
    Index epochs = 0;
    for (const Member& m : members_) {
        members.push_back(json::object{
            {"name", m.name}, {"valid_hits_at_1", m.hits_at_1}, {"epochs", m.epochs}, {"seconds", m.seconds}});
        epochs += m.epochs;
    }
    json::object results{{"members", members}, {"valid_hits_at_1", config_.per_task ? mean() : best()->hits_at_1},
                         {"mean", mean()},     {"deviation", deviation()},
                         {"epochs", epochs},   {"seconds", seconds()}};
    if (!config_.per_task) results["best"] = best()->name;
    if (members_.size() < plans_.size()) results["of"] = plans_.size();
    replace_file(files_.results(), json::serialize(results) + "\n");
}

}  // namespace kvmem
