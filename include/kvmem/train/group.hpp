// Several runs in one directory: the same with several seeds, of which the best on validation stands for all of them,
// or a model for each task of a data set.
//
//     config.json    what was asked for            run-1, run-2, ...   runs as TrainingSession leaves them, or
//     results.json   how the members ended         qa1, qa2, ...       a run, or a group of runs, for each task
//
// A task's directory has its name, with "_" for what is no letter, digit or hyphen, and a number where two names would
// be the same.
//
// Members are trained one after the other. What is interrupted goes on with resume(), member by member.
#pragma once

#include "kvmem/train/session.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kvmem {

class TrainingGroup {
  public:
    // How a member ended; of a group: the best of its runs, or the mean over its tasks.
    struct Member {
        std::string name;               // of its directory
        std::string task;               // in a group of tasks: its task's name
        std::optional<double> score{};  // of the best validation, if there was one
        Index epochs = 0;
        double seconds = 0;
    };
    struct Callbacks {
        // What a run that begins, or goes on, is to call.
        std::function<TrainingSession::Callbacks(const std::string& name, const TrainingSession& session)> begin;
        std::function<void(const Member& member)> end;
    };

    // Of a configuration that is_group(). The task must outlive the group. Throws Error when the directory holds a run
    // already.
    static TrainingGroup begin(const std::filesystem::path& directory, const RunConfig& config, const TaskType& task);
    // `epochs`, if positive, replaces the number of epochs of every member.
    static TrainingGroup resume(const std::filesystem::path& directory, const TaskType& task, Index epochs = 0);

    StopReason run(const Callbacks& callbacks = {});

    const RunConfig& config() const { return config_; }
    const std::vector<Member>& members() const { return members_; }  // that have ended
    // The member with the best validation, the first of equal ones; null when none has ended.
    const Member* best() const;
    // Of the scores of the members that were validated, if any were.
    std::optional<double> mean() const;
    std::optional<double> deviation() const;  // of the sample; 0 of one
    double seconds() const;                   // of training in all

  private:
    struct Plan {
        std::string name;
        RunConfig config;
    };
    TrainingGroup(const RunFiles& files, RunConfig config, const TaskType& task, const std::vector<std::string>& parts,
                  Index epochs);
    StopReason run_member(const Plan& plan, const Callbacks& callbacks);
    Member read_member(const Plan& plan) const;
    void write_results() const;

    RunFiles files_;
    std::unique_ptr<FileLock> lock_;
    const TaskType* task_;
    RunConfig config_;
    Index epochs_;  // that resume() was given
    std::vector<Plan> plans_;
    std::vector<Member> members_;
};

// The directories of a group's members that were begun, in their order, each with the tasks it is for. A run that is no
// group is its own only member. `parts` are TaskType::parts() of the run.
struct MemberRun {
    RunFiles files;
    std::vector<std::string> tasks;  // empty: all
};
std::vector<MemberRun> member_runs(const RunFiles& files, const RunConfig& config,
                                   const std::vector<std::string>& parts);

}  // namespace kvmem
