// A kind of task with its models, for run directories and the program.
//
// To train a task of your own, derive from TaskType and pass the object to TrainingSession::begin()
// (train/session.hpp). tests/consume/own_task.cpp is a whole example.
#pragma once

#include "kvmem/train/config.hpp"
#include "kvmem/train/objective.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem {

// A kind of model. Its kind() is its name in files and on the command line.
struct ModelType {
    Settings defaults;        // A field that a file does not name has its value from here, so they must never change.
    std::string about{};      // one line of help
    RunConfig recommended{};  // A new run without options has these settings, with the model's among them.
    std::vector<std::pair<std::string, RunConfig>> presets{};  // settings of published experiments, by name
    // The kind of the settings.
    std::string kind() const { return defaults.kind(); }
};

// Its functions must be safe to call from several threads.
class TaskType {
  public:
    virtual ~TaskType() = default;
    // The name of the task: "question answering".
    virtual std::string name() const = 0;
    // At least one. The first is the model of files that do not name a kind. The pointers live as long as the task.
    virtual std::vector<const ModelType*> models() const = 0;
    // The score that selects the best model. It is the same for all models, so that runs can be compared.
    virtual ScoreType score() const { return {}; }
    // The recommended settings for the data set `data`, a path, of the model of this kind; if it is empty, of the one
    // that suits the data. Throws Error for data that cannot be read, and UsageError for an unknown kind.
    virtual RunConfig recommended(const std::string& data, const std::string& kind) const;
    // Reads the data and makes the model with its first parameters. Throws Error.
    virtual std::unique_ptr<Objective> make_objective(const RunConfig& config) const = 0;
    // The names of the parts of the data that a run trains on, or none. RunConfig::per_task trains one model for each.
    // Throws Error when the data cannot be trained on.
    virtual std::vector<std::string> parts(const RunConfig& /*config*/) const { return {}; }
};

// The model of this kind, and the preset of this name. They throw UsageError, which lists the names.
const ModelType& find_model(const TaskType& task, std::string_view kind);
RunConfig preset(const TaskType& task, std::string_view name);
std::vector<std::string> preset_names(const TaskType& task);

}  // namespace kvmem
