#include "kvmem/io/dataset_info.hpp"

namespace kvmem {

DatasetInfo read_info(const hdf5::Reader& file) {
    return {.title = file.attribute("/", "title"),
            .source = file.attribute("/", "source"),
            .license = file.attribute("/", "license"),
            .generator = file.attribute("/", "generator")};
}

void write_info(hdf5::Writer& file, const DatasetInfo& info) {
    file.attribute("/", "title", info.title);
    file.attribute("/", "source", info.source);
    file.attribute("/", "license", info.license);
    file.attribute("/", "generator", info.generator);
}

}  // namespace kvmem
