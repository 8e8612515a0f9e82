// Undoes the filters of a stored chunk, into exactly the expected number of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kvmem::hdf5 {

enum class Filter : std::uint8_t { deflate = 1, shuffle = 2, fletcher32 = 3 };
inline bool is_known_filter(unsigned id) { return id >= 1 && id <= 3; }

// The maximum number of bytes of such a chunk in the file. Filters enlarge incompressible data, but only a little.
std::size_t max_stored(std::size_t chunk_bytes);

// Unpacks `stored` into `chunk`, beginning with the last filter. `skipped` has a bit for each filter that was not
// applied. Returns nullptr, or a description of the damage.
const char* undo_filters(std::vector<std::byte> stored, std::span<const Filter> filters, unsigned skipped,
                         std::size_t element_size, std::span<std::byte> chunk);

}  // namespace kvmem::hdf5
