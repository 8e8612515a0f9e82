// Files of models that answer questions (train/checkpoint.hpp), with the root attributes `model` (its kind, such as
// "kv-mem-nn"), `config` (JSON) and, before the last phase, `phase`, and of a model that refuses `min_certainty`;
// /vocab and /candidates are as in a data set.
#pragma once

#include "kvmem/io/metadata.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <filesystem>
#include <memory>

namespace kvmem {

namespace hdf5 {
class Reader;
class Writer;
}  // namespace hdf5

// Replaces `path` by the model's file, all or nothing. Throws Error.
void save_model(const Model& model, const std::filesystem::path& path);
// Reads a model. Throws Error with the name of the file.
std::unique_ptr<Model> load_model(const std::filesystem::path& path);

// All of a model but its parameters and its phase, as texts for other programs' files: `model`, `config`, `tokens`
// (JSON with the texts and kinds of all) and `candidates` (JSON with their numbers).
Metadata metadata_of(const Model& model);

// Writes all of a model but its parameters.
void write_model_info(hdf5::Writer& file, const Model& model);
// Model::min_certainty(), which is 0 where the file does not say. Throws Error for what is no share.
double read_min_certainty(const hdf5::Reader& file);
// Throws Error unless the file has the same vocabulary.
void require_same_vocabulary(const Vocabulary& ours, const hdf5::Reader& file);

}  // namespace kvmem
