// Files of models that answer questions: as train/checkpoint.hpp has it, with root attributes `model` (its kind, such
// as "kv-mem-nn"), `config` (JSON), and `phase` for a model that is not in its last one; /vocab and /candidates as in a
// data set.
#pragma once

#include "kvmem/tasks/qa/model.hpp"

#include <filesystem>
#include <memory>

namespace kvmem {

namespace hdf5 {
class Reader;
class Writer;
}  // namespace hdf5

void save_model(const Model& model, const std::filesystem::path& path);
// Throws Error that names the file.
std::unique_ptr<Model> load_model(const std::filesystem::path& path);

// All of it but the parameters.
void write_model_info(hdf5::Writer& file, const Model& model);
// Throws Error unless the file has the same vocabulary.
void require_same_vocabulary(const Vocabulary& ours, const hdf5::Reader& file);

}  // namespace kvmem
