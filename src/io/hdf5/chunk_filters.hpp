// Undoes the filters of a stored chunk.
//
// HDF5 1.10 trusts a chunk to inflate to its right size, and reads past the end of one that does not. So kvmem reads
// chunks as they are stored and unpacks them here, into exactly the expected number of bytes.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <span>
#include <vector>

namespace kvmem::hdf5 {

// Whether it is deflate, shuffle or fletcher32.
bool is_known_filter(H5Z_filter_t filter);

// The maximum number of bytes of such a chunk in the file. Filters enlarge incompressible data, but only a little.
std::size_t max_stored(std::size_t chunk_bytes);

// Unpacks `stored` into `chunk`, beginning with the last filter. `skipped` has a bit for each filter that was not
// applied. Returns nullptr, or a description of the damage.
const char* undo_filters(std::vector<std::byte> stored, std::span<const H5Z_filter_t> filters, unsigned skipped,
                         std::size_t element_size, std::span<std::byte> chunk);

}  // namespace kvmem::hdf5
