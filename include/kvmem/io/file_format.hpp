// The format of a file of kvmem.
#pragma once

#include <filesystem>
#include <string>

namespace kvmem {

// "kvmem-qa", "kvmem-pairs" or "kvmem-text" for a data set, "kvmem-model" for a model, "kvmem-store" for a store,
// "kvmem-parameters" for parameters of a network, "kvmem-vectors" for word vectors; "" for HDF5 that is not ours.
// Throws Error for a file that is no readable HDF5.
std::string file_format(const std::filesystem::path& path);

// The hash of its contents that such a file says it has (datasets/README.md, "Hashes"); "" without one. Throws as
// above.
std::string content_hash(const std::filesystem::path& path);

}  // namespace kvmem
