// What can be trained: a task, with the models that it has, as run directories and the program know it.
#pragma once

#include "kvmem/train/config.hpp"
#include "kvmem/train/objective.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem {

// A model of a task. The settings of published experiments have names.
struct ModelType {
    Settings defaults;      // what a file that does not name a field means
    std::string about;      // a line of help
    RunConfig recommended;  // what a run of it begins with when nothing is said
    std::vector<std::pair<std::string, RunConfig>> presets{};
    std::string kind() const { return defaults.kind(); }
};

// Safe to use from several threads.
class TaskType {
  public:
    virtual ~TaskType() = default;
    virtual std::string name() const = 0;
    virtual std::vector<const ModelType*> models() const = 0;
    virtual ScoreType score() const { return {}; }  // what selects the best of its models
    // The kind of model for this data when none is named.
    virtual std::string default_model(const std::string& /*data*/) const { return models().front()->kind(); }
    // Reads the data and makes the model. Throws Error.
    virtual std::unique_ptr<Objective> make_objective(const RunConfig& config) const = 0;
    // The names of the parts of the data that the run trains on, each of which may have a model of its own; none if the
    // data has no parts. Throws Error when the data cannot be trained on.
    virtual std::vector<std::string> parts(const RunConfig& /*config*/) const { return {}; }
};

// Throw UsageError that lists what there is.
const ModelType& find_model(const TaskType& task, std::string_view kind);
RunConfig preset(const TaskType& task, std::string_view name);
std::vector<std::string> preset_names(const TaskType& task);

}  // namespace kvmem
