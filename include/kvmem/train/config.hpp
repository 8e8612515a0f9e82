// What a run was asked to do, and its form in config.json and in model files.
#pragma once

#include "kvmem/train/trainer.hpp"

#include <string>
#include <string_view>

namespace kvmem {

struct RunConfig {
    std::string data;       // the data set's path
    std::string data_hash;  // of what it held when the run began; empty: not known
    KvMemNNConfig model;
    TrainerOptions trainer;
};

// JSON of two levels, every field by its name.
std::string to_json(const RunConfig& config);
std::string to_json(const KvMemNNConfig& config);
std::string to_json(const TrainerState& state);

// The way back. Throws Error, which begins with `where`, when text is not such JSON or a value is impossible;
// missing fields keep their defaults.
RunConfig run_config_from_json(std::string_view text, const std::string& where);
KvMemNNConfig model_config_from_json(std::string_view text, const std::string& where);
TrainerState trainer_state_from_json(std::string_view text, const std::string& where);

// Enumerations by the names that files and command lines use.
std::string name_of(Tying value);
std::string name_of(BagScale value);
std::string name_of(Method value);
std::string name_of(Decay value);
// Throw UsageError that lists the names there are.
void parse(std::string_view name, Tying& value);
void parse(std::string_view name, BagScale& value);
void parse(std::string_view name, Method& value);
void parse(std::string_view name, Decay& value);

}  // namespace kvmem
