// Where the chunks of a dataset are (HDF5 file format 3.0, VII: the indexes of datasets that cannot grow).
#pragma once

#include "io/hdf5/messages.hpp"
#include "io/hdf5/source.hpp"

namespace kvmem::hdf5 {

struct StoredChunk {
    std::uint64_t address, size;
    std::uint32_t skipped;  // a bit for each filter that was not applied
};

// All `count` chunks, the last dimension fastest, each inside the file and together no larger than it. Throws Error, as
// for a chunk that was never written.
std::vector<StoredChunk> chunks_of(const Source& source, const StorageLayout& layout, bool has_filters,
                                   std::uint64_t count, std::uint64_t chunk_bytes, const std::string& where);

}  // namespace kvmem::hdf5
