// A training run in a directory of its own.
//
//     config.json        the configuration           model-best.h5   the model with the best validation
//     metrics.jsonl      a line for each epoch       model-last.h5   the last checkpoint
//     results.json       the result, once it ended   README.md       the model card
//     events.out.*       curves for TensorBoard      lock            locked by the process that trains
//
// Every file is replaced as a whole, and curves are appended to. So a run that was killed at any moment resumes with
// the same bits from its last checkpoint. Several threads may train at once, each in a directory of its own.
#pragma once

#include "kvmem/core/file.hpp"
#include "kvmem/train/task_type.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace kvmem {

// The files of a run, in its directory.
struct RunFiles {
    // The directory, and the paths of the files in it, which need not exist.
    std::filesystem::path directory;
    std::filesystem::path config() const { return directory / "config.json"; }
    std::filesystem::path best() const { return directory / "model-best.h5"; }
    std::filesystem::path last() const { return directory / "model-last.h5"; }
    std::filesystem::path metrics() const { return directory / "metrics.jsonl"; }
    std::filesystem::path results() const { return directory / "results.json"; }
    std::filesystem::path card() const { return directory / "README.md"; }
    std::filesystem::path lock() const { return directory / "lock"; }

    // Throws Error when the directory holds no run, or a configuration that does not fit the task.
    RunConfig read_config(const TaskType& task) const;
    // The path of model-best.h5, or of model-last.h5 when no validation has ended. For a group of runs (group.hpp), it
    // is the best run's model. Throws Error when there is none.
    std::filesystem::path model() const;
};

// The path of a run directory's model (RunFiles::model()), or the path itself of what is no directory.
std::filesystem::path model_file_of(const std::filesystem::path& path);
// Throws Error when the directory holds a run.
void require_no_run(const RunFiles& files);
// The configuration of a new run of a task, validated, with absolute paths of data and word vectors, for which a run
// directory may stand. Throws UsageError, and Error for a directory without a model.
RunConfig new_run_config(const RunConfig& config, const TaskType& task);
// Makes the directory and calls `begin`. When `begin` throws, a directory that is new and empty is removed.
// Throws Error.
void begin_in_directory(const RunFiles& files, const std::function<void()>& begin);
// Removes files that a killed process left half-written. The caller must hold the lock.
void remove_leftovers(const RunFiles& files);

// The score's name in results.json: "valid_hits_at_1".
std::string score_field(const ScoreType& score);

// A run that is open for training. It holds the directory's lock for its life. One thread at a time may use it.
class TrainingSession {
  public:
    // Begins a run and makes its directory. Throws Error when the directory holds a run or another process trains
    // there, and for a configuration of a group (train/group.hpp). The task must outlive the session.
    //
    // With a cluster, which must outlive the session, too, all ranks begin the run and train it together. Rank 0 alone
    // writes. Throws Error on a rank whose settings or data are not those of rank 0.
    static TrainingSession begin(const std::filesystem::path& directory, const RunConfig& config, const TaskType& task,
                                 Cluster* cluster = nullptr);
    // Opens an interrupted or finished run. If `epochs` is positive, it replaces the number of epochs, and a run that
    // ended without improvement has its whole patience again. Throws Error, too, when the data has changed.
    // All ranks read the directory, and their number may be another one than before: the bits are the same.
    static TrainingSession resume(const std::filesystem::path& directory, const TaskType& task, Index epochs = 0,
                                  Cluster* cluster = nullptr);

    ~TrainingSession();
    TrainingSession(TrainingSession&&) noexcept;
    TrainingSession& operator=(TrainingSession&&) noexcept;

    // What run() calls. An empty one is skipped.
    struct Callbacks {
        // Called after every step and every epoch.
        std::function<void(const StepReport&)> step;
        std::function<void(const EpochReport&)> epoch;
        std::function<bool()> interrupted;  // See Trainer::Callbacks.
    };
    // Trains until something in the options ends it, and writes all files. What a callback throws ends it, too: the
    // best model is saved first. After an Error without any model, another run can begin in the directory.
    StopReason run(const Callbacks& callbacks = {});

    // The position of the training. The reference is valid for the life of the session.
    const TrainerState& state() const;
    Index planned_steps() const;  // Trainer::planned_steps(): with few of them, little can be learned
    // What the run trains, and how. References are valid for the life of the session.
    Objective& objective() const;
    const RunConfig& config() const;

  private:
    struct Impl;
    explicit TrainingSession(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem
