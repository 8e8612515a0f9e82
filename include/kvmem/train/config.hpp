// What a run was asked to do, and its form in config.json and in model files.
#pragma once

#include "kvmem/train/trainer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

class TaskType;

struct RunConfig {
    std::string data;                // the data set's path
    std::string data_hash;           // of what it held when the run began; empty: not known
    std::vector<std::string> tasks;  // parts of the data to train on, by name or number; empty: all
    Index runs = 1;                  // with seeds that follow each other; the best one is used
    bool per_task = false;           // a model for each of the tasks
    Settings model;
    TrainerOptions trainer;

    // All but the model's and the trainer's.
    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("data", c.data);
        field("data_hash", c.data_hash);
        field("tasks", c.tasks);
        field("runs", c.runs, Range{1, 1000}, "with seeds that follow each other; the best on validation is used");
        field("per_task", c.per_task, "train a model for each task, in directories of their own");
    }

    void validate() const;  // throws UsageError
    bool is_group() const { return runs > 1 || per_task; }
    void set_seed(std::uint64_t seed);  // of the trainer and the model
};

// JSON of two levels, every field by its name.
std::string to_json(const RunConfig& config);
std::string to_json(const Settings& model);  // with its kind as the field "model"
std::string to_json(const TrainerState& state);

// Throw Error, which begins with `where`, when text is not such JSON, a field is not known or is there twice, or a
// value is impossible. Missing fields have their defaults, as has a model's kind: the first of the task's.
RunConfig run_config_from_json(std::string_view text, const TaskType& task, const std::string& where);
Settings model_settings_from_json(std::string_view text, const TaskType& task, const std::string& where);
TrainerState trainer_state_from_json(std::string_view text, const std::string& where);

}  // namespace kvmem
