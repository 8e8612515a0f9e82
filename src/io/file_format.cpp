#include "kvmem/io/file_format.hpp"

#include "io/hdf5/file.hpp"

namespace kvmem {

std::string file_format(const std::filesystem::path& path) {
    return hdf5::File(path).attribute("/", "format").value_or("");
}

std::string content_hash(const std::filesystem::path& path) {
    return hdf5::File(path).attribute("/", "hash").value_or("");
}

}  // namespace kvmem
