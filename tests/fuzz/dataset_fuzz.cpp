// Any bytes are a data set or an Error.
//
// The seeds that h5py wrote have no hashes, so changes of their values get past HDF5 to kvmem's own checks. Changes of
// metadata end at HDF5's checksums.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        kvmem::load_dataset(std::as_bytes(std::span(data, size)), "fuzz").validate("fuzz");
    } catch (const kvmem::Error&) {
    }
    return 0;
}
