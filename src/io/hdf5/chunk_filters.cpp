#include "io/hdf5/chunk_filters.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace kvmem::hdf5 {

static constexpr std::size_t fletcher_bytes = 4;

std::size_t max_stored(std::size_t chunk_bytes) { return chunk_bytes + chunk_bytes / 256 + 256; }

// Fletcher's checksum over big-endian 16-bit words, as HDF5 computes it.
static std::uint32_t fletcher32(std::span<const std::byte> bytes) {
    constexpr std::size_t max_words = 360;  // 32 bits hold the sums of this many words.
    const auto fold = [](std::uint32_t sum) { return (sum & 0xffffu) + (sum >> 16); };
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    std::size_t at = 0;
    while (at + 1 < bytes.size()) {
        const std::size_t end = at + 2 * std::min(max_words, (bytes.size() - at) / 2);
        for (; at < end; at += 2) {
            first += std::to_integer<std::uint32_t>(bytes[at]) << 8 | std::to_integer<std::uint32_t>(bytes[at + 1]);
            second += first;
        }
        first = fold(first);
        second = fold(second);
    }
    if (at < bytes.size()) {
        first += std::to_integer<std::uint32_t>(bytes[at]) << 8;
        second += first;
        first = fold(first);
        second = fold(second);
    }
    return fold(second) << 16 | fold(first);
}

static const char* check_fletcher32(std::vector<std::byte>& bytes) {
    if (bytes.size() < fletcher_bytes) return "a chunk without its checksum";
    const std::size_t content = bytes.size() - fletcher_bytes;
    std::uint32_t stored = 0;
    std::memcpy(&stored, bytes.data() + content, fletcher_bytes);
    bytes.resize(content);
    return fletcher32(bytes) == stored ? nullptr : "a chunk with a wrong checksum";
}

// Inflates in place, to at most `max` bytes.
static const char* inflate_chunk(std::vector<std::byte>& bytes, std::size_t max) {
    std::vector<std::byte> inflated(max);
    auto size = static_cast<uLongf>(max);
    const int result = uncompress(reinterpret_cast<Bytef*>(inflated.data()), &size,
                                  reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()));
    if (result == Z_BUF_ERROR) return "a chunk that inflates to more than it should hold";
    if (result != Z_OK) return "a chunk that does not inflate";
    inflated.resize(size);
    bytes.swap(inflated);
    return nullptr;
}

// The first bytes of all elements are stored together, then the second ones, and so on. Bytes behind the last whole
// element are stored unchanged.
static void unshuffle(std::vector<std::byte>& bytes, std::size_t element_size) {
    const std::size_t elements = bytes.size() / element_size;
    std::vector<std::byte> plain(bytes);
    for (std::size_t b = 0; b < element_size; ++b)
        for (std::size_t i = 0; i < elements; ++i) plain[i * element_size + b] = bytes[b * elements + i];
    bytes.swap(plain);
}

const char* undo_filters(std::vector<std::byte> stored, std::span<const Filter> filters, unsigned skipped,
                         std::size_t element_size, std::span<std::byte> chunk) {
    const std::size_t max = chunk.size() + fletcher_bytes * filters.size();
    for (std::size_t i = filters.size(); i-- > 0;) {
        if ((skipped >> i & 1u) != 0) continue;
        const char* problem = nullptr;
        if (filters[i] == Filter::fletcher32) problem = check_fletcher32(stored);
        if (filters[i] == Filter::deflate) problem = inflate_chunk(stored, max);
        if (filters[i] == Filter::shuffle) unshuffle(stored, element_size);
        if (problem != nullptr) return problem;
    }
    if (stored.size() != chunk.size()) return "a chunk of the wrong size";
    std::copy(stored.begin(), stored.end(), chunk.begin());
    return nullptr;
}

}  // namespace kvmem::hdf5
