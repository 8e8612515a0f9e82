// Model files: HDF5 of format "kvmem-model", version 1.
//
// /parameters/<name> are the parameters; what else there is, the objective says (Objective::save()). A checkpoint of
// training has the optimiser's matrices in /optimizer/<name> and the attribute `trainer` (JSON) as well. Files are
// replaced, never changed. Several threads may read and write them at once, each a model of its own; HDF5 serves them
// in turn.
#pragma once

#include "kvmem/train/trainer.hpp"

#include <filesystem>

namespace kvmem {

inline constexpr const char* model_format = "kvmem-model";
inline constexpr int model_version = 1;

void save_model(Objective& objective, const std::filesystem::path& path);

// Everything that training needs to go on with the same bits. load_checkpoint() fills an objective and a trainer of
// the same configuration; throws Error, and leaves them undefined, when the file does not fit them.
void save_checkpoint(Objective& objective, Trainer& trainer, const std::filesystem::path& path);
void load_checkpoint(Objective& objective, Trainer& trainer, const std::filesystem::path& path);

}  // namespace kvmem
