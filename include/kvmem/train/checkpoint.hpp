// Model files: HDF5 of format "kvmem-model", version 1.
//
// /parameters/<name> are the parameters, /vocab and /candidates as in a data set; root attributes `model` (its kind,
// such as "kv-mem-nn"), `config` (JSON), `generator`, `hash`, and `phase` for a model that is not in its last one. A
// checkpoint of training has the optimiser's matrices in /optimizer/<name> and the attribute `trainer` (JSON) as well.
// Files are replaced, never changed. Several threads may read and write them at once, each a model of its own; HDF5
// serves them in turn.
#pragma once

#include "kvmem/train/config.hpp"

#include <filesystem>
#include <memory>

namespace kvmem {

void save_model(const Model& model, const std::filesystem::path& path);
std::unique_ptr<Model> load_model(const std::filesystem::path& path);

// Everything that training needs to go on with the same bits. load_checkpoint() fills a model and a trainer of
// the same configuration; throws Error, and leaves them undefined, when the file does not fit them.
void save_checkpoint(const Model& model, Trainer& trainer, const std::filesystem::path& path);
void load_checkpoint(Model& model, Trainer& trainer, const std::filesystem::path& path);

}  // namespace kvmem
