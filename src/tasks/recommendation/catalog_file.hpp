// Features, groups and actions in files of data sets and of models. Not installed.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <string>
#include <vector>

namespace kvmem {

// Names that come twice throw Error. `root` is "" or the path of a group, `path` that of the group of objects.
[[nodiscard]] std::vector<Feature> read_features(const hdf5::Reader& file, const std::string& root);
void write_features(hdf5::Writer& file, const std::string& root, const std::vector<Feature>& features);
[[nodiscard]] ObjectGroup read_group(const hdf5::Reader& file, const std::string& path, const std::string& name,
                                     const std::vector<Feature>& features);
void write_group(hdf5::Writer& file, const std::string& path, const ObjectGroup& group,
                 const std::vector<Feature>& features);
// group_names and groups/<name>.
[[nodiscard]] std::vector<ObjectGroup> read_groups(const hdf5::Reader& file, const std::string& root,
                                                   const std::vector<Feature>& features);
void write_groups(hdf5::Writer& file, const std::string& root, const std::vector<ObjectGroup>& groups,
                  const std::vector<Feature>& features);

// In the group `root`, whose attribute "items" names the group that is recommended: feature_names and features/<name>,
// group_names and groups/<name> with ids, texts and features, and actions. Names that come twice, and what a data set
// would refuse, throw Error.
[[nodiscard]] Catalog read_catalog(const hdf5::Reader& file, const std::string& root);
void write_catalog(hdf5::Writer& file, const std::string& root, const Catalog& catalog);

}  // namespace kvmem
