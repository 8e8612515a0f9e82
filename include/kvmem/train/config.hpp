// What a run was asked to do, and its form in config.json and in model files.
#pragma once

#include "kvmem/train/trainer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

struct RunConfig {
    std::string data;                // the data set's path
    std::string data_hash;           // of what it held when the run began; empty: not known
    std::vector<std::string> tasks;  // of the data set's, to train on (data/tasks.hpp); empty: all
    Index runs = 1;                  // so many, of seeds that follow each other, of which the best is kept
    bool per_task = false;           // a model of its own for each of the tasks
    ModelConfig model;
    TrainerOptions trainer;

    void validate() const;  // throws UsageError
    bool is_group() const { return runs > 1 || per_task; }
};

// JSON of two levels, every field by its name.
std::string to_json(const RunConfig& config);
std::string to_json(const ModelConfig& config);  // with its kind as the field "model"
std::string to_json(const TrainerState& state);

// The way back. Throws Error, which begins with `where`, when text is not such JSON, a field is not known or is there
// twice, or a value is impossible; missing fields keep their defaults, and a model that is not named is a kv-mem-nn.
RunConfig run_config_from_json(std::string_view text, const std::string& where);
ModelConfig model_config_from_json(std::string_view text, const std::string& where);
TrainerState trainer_state_from_json(std::string_view text, const std::string& where);

// One field as a command line gives it, by its name in the JSON; numbers, names of choices, and yes or no. Throws
// UsageError when text is no such value, or when there is no such field: then it says what the model is.
void set_field(ModelConfig& config, std::string_view name, std::string_view text);
void set_field(TrainerOptions& options, std::string_view name, std::string_view text);
// Its text; empty when there is no such field.
std::string field_text(const ModelConfig& config, std::string_view name);
std::string field_text(const TrainerOptions& options, std::string_view name);

// Enumerations by the names that files and command lines use.
std::string name_of(Tying value);
std::string name_of(BagScale value);
std::string name_of(HopTying value);
std::string name_of(Encoding value);
std::string name_of(Retrieval value);
std::string name_of(Method value);
std::string name_of(Decay value);
// Throw UsageError that lists the names there are.
void parse(std::string_view name, Tying& value);
void parse(std::string_view name, BagScale& value);
void parse(std::string_view name, HopTying& value);
void parse(std::string_view name, Encoding& value);
void parse(std::string_view name, Retrieval& value);
void parse(std::string_view name, Method& value);
void parse(std::string_view name, Decay& value);

}  // namespace kvmem
