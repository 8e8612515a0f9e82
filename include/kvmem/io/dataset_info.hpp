// What every data set says about itself, the attributes of its file's root (datasets/README.md).
#pragma once

#include "kvmem/io/hdf5.hpp"

#include <string>

namespace kvmem {

// The attributes `title` and so on; any may be empty.
struct DatasetInfo {
    std::string title{};      // a line for people
    std::string source{};     // where the data come from
    std::string license{};    // of the data
    std::string generator{};  // the command and version that wrote the file

    // Whether all texts are equal.
    bool operator==(const DatasetInfo&) const = default;
};

// The attributes of the root; those that are missing are empty. Throws Error.
DatasetInfo read_info(const hdf5::Reader& file);
void write_info(hdf5::Writer& file, const DatasetInfo& info);

}  // namespace kvmem
