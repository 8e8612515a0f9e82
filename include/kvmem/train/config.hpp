// The configuration of a run, and its JSON in config.json and in model files.
#pragma once

#include "kvmem/train/trainer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

class TaskType;

struct RunConfig {
    std::string task_type{};           // TaskType::name(); "": not known, as of earlier versions
    std::string data{};                // path of the data set; "" for an objective that needs none
    std::string data_hash{};           // Objective::fingerprint() when the run began; "": not known
    std::vector<std::string> tasks{};  // parts of the data to train on, by name or number; empty: all
    Index runs = 1;                    // the number of runs, with seeds that follow each other; the best one is used
    bool per_task = false;             // one model for each task
    // The settings of the model, by its kind, and those of the training.
    Settings model{};
    TrainerOptions trainer{};

    // Lists all fields but the model's and the trainer's, which have lists of their own (train/settings.hpp).
    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("task_type", c.task_type);
        field("data", c.data);
        field("data_hash", c.data_hash);
        field("tasks", c.tasks);
        field("runs", c.runs, Range{1, 1000}, "with seeds that follow each other; the best on validation is used");
        field("per_task", c.per_task, "train a model for each task, in directories of their own");
    }

    void validate() const;  // throws UsageError for a value out of its range, of the model or the trainer, too
    // Whether the run is a group of runs (train/group.hpp).
    bool is_group() const { return runs > 1 || per_task; }
    void set_seed(std::uint64_t seed);  // sets the seeds of the trainer and of the model
};

// JSON with every field by its name. Models and trainers are objects within a run's; a model's kind is its field
// "model".
std::string to_json(const RunConfig& config);
std::string to_json(const Settings& model);
std::string to_json(const TrainerState& state);

// Throws UsageError for a run on tasks of its data, where the data set has none.
void require_no_tasks(const RunConfig& config);

// Parse such JSON. A missing field has its default, and a missing kind is the first of the task's. They throw Error,
// with `where`, for other text, for a field that is not known or occurs twice, and for a value out of its range.
RunConfig run_config_from_json(std::string_view text, const TaskType& task, const std::string& where);
Settings model_settings_from_json(std::string_view text, const TaskType& task, const std::string& where);
// The same for the settings of a model file, which must be of this kind.
Settings model_settings_from_json(std::string_view text, const TaskType& task, const std::string& kind,
                                  const std::string& where);
TrainerState trainer_state_from_json(std::string_view text, const std::string& where);

}  // namespace kvmem
