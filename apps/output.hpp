// Checks of files by their first bytes, and of output files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kvmem::apps {

// Whether a file begins as HDF5 does.
bool is_hdf5(const std::filesystem::path& path);

// The format of a file of kvmem, such as "kvmem-store" or "kvmem-qa", which the manifest of shards is too; "" for any
// other file. Throws Error for HDF5 that cannot be read.
std::string format_of_file(const std::filesystem::path& path);

// Throws Error unless `output` can be written and replaces no valuable file. It must not be one of the inputs, by any
// name ("-" is standard input), nor a store's log. An HDF5 file may only be replaced by one of the same format:
// "kvmem-qa" for a data set, "kvmem-qa-shards" for the manifest of one, "" for output that is not HDF5.
void require_output(const std::filesystem::path& output, const std::string& format,
                    const std::vector<std::filesystem::path>& inputs);

}  // namespace kvmem::apps
