// Undoes the filters of a stored chunk.
//
// HDF5 1.10 trusts a chunk to inflate to the size that it should have, and reads past the end of one that
// does not. So chunks are read as they are stored, and unpacked here into exactly the bytes expected.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <span>
#include <vector>

namespace kvmem::hdf5 {

// deflate, shuffle and fletcher32 may occur, in any order.
bool is_known_filter(H5Z_filter_t filter);

// The most bytes that a chunk of this size may take in the file: filters that do not help cost little.
std::size_t max_stored(std::size_t chunk_bytes);

// Unpacks `stored` into `chunk`, the filters' last first. `skipped` has a bit for each filter that was not
// applied. Returns nullptr, or what is wrong with the stored bytes.
const char* undo_filters(std::vector<std::byte> stored, std::span<const H5Z_filter_t> filters, unsigned skipped,
                         std::size_t element_size, std::span<std::byte> chunk);

}  // namespace kvmem::hdf5
