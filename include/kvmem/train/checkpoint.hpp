// Model files: HDF5 of format "kvmem-model", version 1.
//
// /parameters/<name> are the parameters; Objective::save() writes the rest. A checkpoint holds
// Trainer::matrices() in /optimizer/<name> and the TrainerState in the attribute `trainer`, too. A file is replaced as
// a whole. Several threads may save and load models of their own at once.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/train/settings.hpp"
#include "kvmem/train/task_type.hpp"
#include "kvmem/train/trainer.hpp"

#include <filesystem>

namespace kvmem {

// The format of model files, and its newest version (io/hdf5.hpp).
inline constexpr const char* model_format = "kvmem-model";
inline constexpr int model_version = 1;

// The settings of a model in its file: the attributes `task_type`, which files of earlier versions lack, `model`, their
// kind, and `config`. read_settings() throws Error for settings that are of no model of the task.
void write_settings(hdf5::Writer& file, const Settings& settings, const TaskType& task);
[[nodiscard]] Settings read_settings(const hdf5::Reader& file, const TaskType& task);

// A model is its parameters and what Objective::save() writes, such as the model-best.h5 of a run. load_model() fills
// the parameters of an objective that was made with the same settings and data. It throws Error for a file that does
// not fit, which leaves their values unspecified.
void save_model(Objective& objective, const std::filesystem::path& path);
void load_model(Objective& objective, const std::filesystem::path& path);

// A checkpoint is all that training needs to resume with the same bits. load_checkpoint() restores an objective and a
// trainer of the same configuration. It throws Error for a file that does not fit them, which leaves their values
// unspecified.
void save_checkpoint(Objective& objective, Trainer& trainer, const std::filesystem::path& path);
void load_checkpoint(Objective& objective, Trainer& trainer, const std::filesystem::path& path);

}  // namespace kvmem
