// What a verb may write over.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kvmem::apps {

// Throws Error unless a file can be written to `output` that does no harm. It is none of the inputs, by whatever name
// ("-" is standard input). If it is an HDF5 file, it is of the same format: "kvmem-qa" for a data set, "" for what is
// no HDF5. It is no store's log.
void require_output(const std::filesystem::path& output, const std::string& format,
                    const std::vector<std::filesystem::path>& inputs);

}  // namespace kvmem::apps
