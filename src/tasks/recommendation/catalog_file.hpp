// Features, groups and actions in files of models. Not installed.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <string>

namespace kvmem {

// In the group `root`, whose attribute "items" names the group that is recommended: feature_names and features/<name>,
// group_names and groups/<name> with ids, texts and features, and actions. Names that come twice, and what a data set
// would refuse, throw Error.
[[nodiscard]] Catalog read_catalog(const hdf5::Reader& file, const std::string& root);
void write_catalog(hdf5::Writer& file, const std::string& root, const Catalog& catalog);

}  // namespace kvmem
