// Undoes the filters of a stored chunk, into exactly the expected number of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct z_stream_s;

namespace kvmem::hdf5 {

enum class Filter : std::uint8_t { deflate = 1, shuffle = 2, fletcher32 = 3 };
inline bool is_known_filter(unsigned id) { return id >= 1 && id <= 3; }

// The maximum number of bytes of such a chunk in the file. Filters enlarge incompressible data, but only a little.
std::size_t max_stored(std::size_t chunk_bytes);

// Undoes the filters of one chunk after another, in buffers that serve all of them. For one thread.
class ChunkDecoder {
  public:
    ChunkDecoder(std::span<const Filter> filters, std::size_t element_size, std::size_t chunk_bytes);
    ~ChunkDecoder();
    ChunkDecoder(const ChunkDecoder&) = delete;
    ChunkDecoder& operator=(const ChunkDecoder&) = delete;

    // The place for the stored bytes of the next chunk, at most max_stored() of them.
    std::span<std::byte> stored(std::size_t size);
    // Undoes the filters of what stored() holds, beginning with the last one. `skipped` has a bit for each filter that
    // was not applied. Returns nullptr, or a description of the damage.
    const char* decode(unsigned skipped);
    // The bytes of the chunk, valid until the next stored().
    std::span<const std::byte> chunk() const { return std::span(bytes_).first(size_); }

  private:
    const char* check_fletcher32();
    const char* inflate(bool check);  // whether to check zlib's checksum
    void unshuffle();

    std::span<const Filter> filters_;
    std::size_t element_size_, chunk_bytes_;
    std::vector<std::byte> bytes_, next_;  // what is decoded so far, and where the next filter's result goes
    std::size_t size_ = 0;                 // of what is decoded
    std::unique_ptr<z_stream_s> stream_;   // of zlib, from the first deflated chunk on
};

}  // namespace kvmem::hdf5
