// A training run in a directory of its own.
//
//     config.json        what was asked for          model-best.h5   the model with the best validation
//     metrics.jsonl      a line for each epoch       model-last.h5   where training stands; resume() goes on there
//     results.json       how it ended                README.md       the model's card
//     events.out.*       curves for TensorBoard      lock            held by the process that trains
//
// Every file is replaced as a whole or appended to by whole lines, so that a kill at any moment leaves a run that
// resumes with the same bits from the last checkpoint. Several threads may read and write such files at once, each
// those of a directory of its own.
#pragma once

#include "kvmem/core/file.hpp"
#include "kvmem/train/task_type.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace kvmem {

struct RunFiles {
    std::filesystem::path directory;
    std::filesystem::path config() const { return directory / "config.json"; }
    std::filesystem::path best() const { return directory / "model-best.h5"; }
    std::filesystem::path last() const { return directory / "model-last.h5"; }
    std::filesystem::path metrics() const { return directory / "metrics.jsonl"; }
    std::filesystem::path results() const { return directory / "results.json"; }
    std::filesystem::path card() const { return directory / "README.md"; }
    std::filesystem::path lock() const { return directory / "lock"; }

    // Throws Error unless a run was begun here.
    RunConfig read_config(const TaskType& task) const;
    // model-best.h5, or model-last.h5 when there is no best one yet; of a group of runs (group.hpp) that of the best
    // one. Throws Error when there is none.
    std::filesystem::path model() const;
};

// Throws Error when a run was begun here.
void require_no_run(const RunFiles& files);
// Makes the run's directory and calls `begin`, which begins the run. When it throws, a directory that was not there
// before is not left behind. Throws Error.
void begin_in_directory(const RunFiles& files, const std::function<void()>& begin);
// Removes what a killed training left half-written. For who holds the lock.
void remove_leftovers(const RunFiles& files);

// Of results.json: "valid_hits_at_1".
std::string score_field(const ScoreType& score);

class TrainingSession {
  public:
    // Begins a run; makes the directory. Throws Error when it holds one already or another process trains there.
    // The task must outlive the session.
    static TrainingSession begin(const std::filesystem::path& directory, const RunConfig& config, const TaskType& task);
    // Goes on with an interrupted or finished run; `epochs`, if positive, replaces the number of epochs, and a run that
    // gave up may then be patient once more.
    static TrainingSession resume(const std::filesystem::path& directory, const TaskType& task, Index epochs = 0);

    ~TrainingSession();
    TrainingSession(TrainingSession&&) noexcept;
    TrainingSession& operator=(TrainingSession&&) noexcept;

    struct Callbacks {
        std::function<void(const StepReport&)> step;
        std::function<void(const EpochReport&)> epoch;
        std::function<bool()> interrupted;
    };
    // Trains to the end and writes everything.
    StopReason run(const Callbacks& callbacks = {});

    const TrainerState& state() const;
    Objective& objective() const;
    const RunConfig& config() const;

  private:
    struct Impl;
    explicit TrainingSession(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem
