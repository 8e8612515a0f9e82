// Files of models that choose sentences (train/checkpoint.hpp), with the root attributes `model` (its kind) and
// `config` (JSON); /lexicon holds stems with their counts, and words with their vectors.
#pragma once

#include "kvmem/io/metadata.hpp"
#include "kvmem/tasks/selection/model.hpp"

#include <filesystem>
#include <memory>

namespace kvmem {

namespace hdf5 {
class Reader;
class Writer;
}  // namespace hdf5

// Replaces `path` by the model's file, all or nothing. Throws Error.
void save_selection_model(const SelectionModel& model, const std::filesystem::path& path);
// Reads a model. Throws Error with the name of the file.
std::unique_ptr<SelectionModel> load_selection_model(const std::filesystem::path& path);

// What other programs' files say of a model: its kind and its settings.
Metadata metadata_of(const SelectionModel& model);
// Writes all of a model but its parameters.
void write_model_info(hdf5::Writer& file, const SelectionModel& model);
// Throws Error unless the file has the same lexicon.
void require_same_lexicon(const SelectionModel& ours, const hdf5::Reader& file);

}  // namespace kvmem
