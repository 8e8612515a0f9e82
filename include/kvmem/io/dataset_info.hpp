// What every data set says about itself, the attributes of its file's root (datasets/README.md).
#pragma once

#include "kvmem/io/hdf5.hpp"

#include <string>

namespace kvmem {

struct DatasetInfo {
    std::string title{};
    std::string source{};
    std::string license{};
    std::string generator{};  // the command and version that wrote the file

    bool operator==(const DatasetInfo&) const = default;
};

// The attributes of the root; those that are missing are empty. Throws Error.
DatasetInfo read_info(const hdf5::Reader& file);
void write_info(hdf5::Writer& file, const DatasetInfo& info);

}  // namespace kvmem
