// Several runs in one directory: one configuration with several seeds, or one model for each task of a data set. With
// several seeds, the run with the best validation is the group's model.
//
//     config.json    the configuration             run-1, run-2, ...   directories of TrainingSessions, or
//     results.json   the members' results          qa1, qa2, ...       a run, or a group of runs, for each task
//
// The name of a task's directory is the task's, with "_" for any character but letters, digits and hyphens. A number
// tells equal names apart. Members are trained one after the other.
#pragma once

#include "kvmem/train/session.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kvmem {

// Several runs in one directory: of different seeds, of different tasks, or of both. One thread at a time may use it.
class TrainingGroup {
  public:
    // The result of a member. If it is a group itself, the result is that of its best run.
    struct Member {
        std::string name;               // of its directory
        std::string task;               // the task's name, in a group of tasks
        std::optional<double> score{};  // of the best validation, if any ended
        // Finished epochs, and the training time in seconds.
        Index epochs = 0;
        double seconds = 0;
    };
    // What run() calls. An empty one is skipped.
    struct Callbacks {
        // Called before a run trains: returns the callbacks for it.
        std::function<TrainingSession::Callbacks(const std::string& name, const TrainingSession& session)> begin;
        std::function<void(const Member& member)> end;  // called when a member has ended
    };

    // Begins a group, for a configuration that is_group(), and makes its directory. The task must outlive the group.
    // Throws Error when the directory holds a run or another process trains there.
    //
    // With a cluster, which must outlive the group, too, the members are dealt to the ranks, each of which trains its
    // own. All ranks must see the directory. Throws Error when they do not, and when settings or data are not those of
    // rank 0.
    static TrainingGroup begin(const std::filesystem::path& directory, const RunConfig& config, const TaskType& task,
                               Cluster* cluster = nullptr);
    // Opens an interrupted or finished group. If `epochs` is positive, it replaces the number of epochs of every
    // member.
    static TrainingGroup resume(const std::filesystem::path& directory, const TaskType& task, Index epochs = 0,
                                Cluster* cluster = nullptr);

    // Trains the members that have not ended. Returns `interrupted` or `epochs_done`. Of several ranks, one that is
    // interrupted stops all, and results come at the end: `end` is called, and members() are there, on rank 0 alone.
    StopReason run(const Callbacks& callbacks = {});

    // The configuration of the whole group.
    const RunConfig& config() const { return config_; }
    const std::vector<Member>& members() const { return members_; }  // the ones that have ended
    // The member with the best validation, the first of equal ones. Null when none has ended.
    const Member* best() const;
    // The mean and the sample's standard deviation (0 for one score) of the members' scores, if there are any.
    std::optional<double> mean() const;
    std::optional<double> deviation() const;
    double seconds() const;  // the sum of the members' training times

  private:
    struct Plan {
        std::string name;
        RunConfig config;
    };
    TrainingGroup(const RunFiles& files, RunConfig config, const TaskType& task, const std::vector<std::string>& parts,
                  Index epochs);
    StopReason run_member(const Plan& plan, const Callbacks& callbacks);
    StopReason run_dealt(const Callbacks& callbacks);
    void add_member(const Plan& plan, const Callbacks& callbacks);
    Callbacks stopping_all(const Callbacks& callbacks) const;
    Member read_member(const Plan& plan) const;
    void write_results() const;
    void require_same() const;

    RunFiles files_;
    std::unique_ptr<FileLock> lock_;
    const TaskType* task_;
    Cluster* cluster_ = nullptr;  // null: no other ranks
    RunConfig config_;
    Index epochs_;  // as passed to resume(), or 0
    std::vector<Plan> plans_;
    std::vector<Member> members_;
};

// The members of a group that have begun, in their order, each with its tasks. A run that is no group is its own only
// member. `parts` are TaskType::parts() of the run.
struct MemberRun {
    // The files in the directory of the member.
    RunFiles files;
    std::vector<std::string> tasks;  // empty: all
};
// Reads the directories, and changes nothing.
std::vector<MemberRun> member_runs(const RunFiles& files, const RunConfig& config,
                                   const std::vector<std::string>& parts);

}  // namespace kvmem
