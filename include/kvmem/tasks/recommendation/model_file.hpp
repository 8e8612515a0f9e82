// Files of models that recommend (train/checkpoint.hpp), with the root attributes `model` (its kind, such as "sasrec")
// and `config` (JSON); /catalog holds the features, groups and actions of the data set. The memory of events is no part
// of it: it comes with a data set.
#pragma once

#include "kvmem/io/metadata.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <filesystem>
#include <memory>

namespace kvmem {

namespace hdf5 {
class Reader;
class Writer;
}  // namespace hdf5

// Replaces `path` by the model's file, all or nothing. Throws Error.
void save_recommendation_model(const RecommendationModel& model, const std::filesystem::path& path);
// Reads a model. Throws Error with the name of the file.
std::unique_ptr<RecommendationModel> load_recommendation_model(const std::filesystem::path& path);

// What other programs' files say of a model: its kind, its settings, and the ids of its items, one a line.
Metadata metadata_of(const RecommendationModel& model);
// Writes all of a model but its parameters.
void write_model_info(hdf5::Writer& file, const RecommendationModel& model);
// Throws Error unless the file has the same catalog.
void require_same_catalog(const RecommendationModel& ours, const hdf5::Reader& file);

}  // namespace kvmem
