// The HDF5 library's own view of a file, beside which kvmem's reader is held.
#pragma once

#include "io/hdf5/handle.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kvmem::test {

// The bytes of every dataset of numbers, by path.
inline std::map<std::string, std::string> datasets_by_library(const std::filesystem::path& path) {
    using hdf5::Handle;
    const hdf5::Lock lock;
    std::map<std::string, std::string> datasets;
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    const auto visit = [](hid_t group, const char* name, const H5O_info_t* info, void* data) -> herr_t {
        if (info->type != H5O_TYPE_DATASET) return 0;
        const Handle dataset(H5Dopen2(group, name, H5P_DEFAULT));
        const Handle type(H5Dget_type(dataset)), space(H5Dget_space(dataset));
        std::string values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)) * H5Tget_size(type), '\0');
        if (!values.empty()) H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
        (*static_cast<std::map<std::string, std::string>*>(data))["/" + std::string(name)] = std::move(values);
        return 0;
    };
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit, &datasets, H5O_INFO_BASIC);
    return datasets;
}

// Every attribute of the root that is a text of fixed length, with its padding.
inline std::map<std::string, std::string> root_texts_by_library(const std::filesystem::path& path) {
    using hdf5::Handle;
    const hdf5::Lock lock;
    std::map<std::string, std::string> texts;
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    const auto visit = [](hid_t group, const char* name, const H5A_info_t*, void* data) -> herr_t {
        const Handle attribute(H5Aopen(group, name, H5P_DEFAULT)), type(H5Aget_type(attribute));
        if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0) return 0;
        std::string text(H5Tget_size(type), '\0');
        H5Aread(attribute, type, text.data());
        (*static_cast<std::map<std::string, std::string>*>(data))[name] =
            text.substr(0, text.find_last_not_of('\0') + 1);
        return 0;
    };
    hsize_t next = 0;
    H5Aiterate2(file, H5_INDEX_NAME, H5_ITER_NATIVE, &next, visit, &texts);
    return texts;
}

}  // namespace kvmem::test
