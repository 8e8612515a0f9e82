#include "io/hdf5/chunk_filters.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
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

ChunkDecoder::ChunkDecoder(std::span<const Filter> filters, std::size_t element_size, std::size_t chunk_bytes)
    : filters_(filters),
      element_size_(element_size),
      chunk_bytes_(chunk_bytes),
      bytes_(max_stored(chunk_bytes)),
      next_(bytes_.size()) {}

ChunkDecoder::~ChunkDecoder() {
    if (stream_) inflateEnd(stream_.get());
}

std::span<std::byte> ChunkDecoder::stored(std::size_t size) {
    size_ = size;
    return std::span(bytes_).first(size);
}

const char* ChunkDecoder::check_fletcher32() {
    if (size_ < fletcher_bytes) return "a chunk without its checksum";
    size_ -= fletcher_bytes;
    std::uint32_t stored = 0;
    std::memcpy(&stored, bytes_.data() + size_, fletcher_bytes);
    return fletcher32(chunk()) == stored ? nullptr : "a chunk with a wrong checksum";
}

const char* ChunkDecoder::inflate(bool check) {
    if (!stream_) {
        stream_ = std::make_unique<z_stream>();
        if (inflateInit(stream_.get()) != Z_OK) return "a chunk without memory to inflate it";
    }
    if (inflateReset(stream_.get()) != Z_OK) return "a chunk that does not inflate";
    inflateValidate(stream_.get(), check ? 1 : 0);
    stream_->next_in = reinterpret_cast<Bytef*>(bytes_.data());
    stream_->avail_in = static_cast<uInt>(size_);
    stream_->next_out = reinterpret_cast<Bytef*>(next_.data());
    stream_->avail_out = static_cast<uInt>(chunk_bytes_ + fletcher_bytes * filters_.size());
    const int result = ::inflate(stream_.get(), Z_FINISH);
    if (result == Z_BUF_ERROR && stream_->avail_out == 0) return "a chunk that inflates to more than it should hold";
    if (result != Z_STREAM_END) return "a chunk that does not inflate";
    size_ = stream_->total_out;
    bytes_.swap(next_);
    return nullptr;
}

// Writes the elements whose bytes lie in `size` rows, one for each byte of an element. Rows of 16 bytes are zipped with
// rows half way behind them, and again, until the bytes of an element lie side by side.
template <std::size_t size>
static void gather_bytes(const std::byte* rows, std::size_t elements, std::byte* out) {
    using Bytes [[gnu::vector_size(16)]] = unsigned char;
    std::size_t first = 0;
    for (; first + sizeof(Bytes) <= elements; first += sizeof(Bytes)) {
        std::array<Bytes, size> block, zipped;
        for (std::size_t b = 0; b < size; ++b) std::memcpy(&block[b], rows + b * elements + first, sizeof(Bytes));
        for (std::size_t width = 1; width < size; width *= 2, block = zipped)
            for (std::size_t b = 0; b < size / 2; ++b) {
                const Bytes x = block[b], y = block[b + size / 2];
                zipped[2 * b] = __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
                zipped[2 * b + 1] =
                    __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            }
        std::memcpy(out + first * size, block.data(), sizeof block);
    }
    for (; first < elements; ++first)
        for (std::size_t b = 0; b < size; ++b) out[first * size + b] = rows[b * elements + first];
}

// The first bytes of all elements are stored together, then the second ones, and so on. Bytes behind the last whole
// element are stored unchanged.
void ChunkDecoder::unshuffle() {
    const std::size_t elements = size_ / element_size_, whole = elements * element_size_;
    if (element_size_ == 1) return;
    if (element_size_ == 2) gather_bytes<2>(bytes_.data(), elements, next_.data());
    if (element_size_ == 4) gather_bytes<4>(bytes_.data(), elements, next_.data());
    if (element_size_ == 8) gather_bytes<8>(bytes_.data(), elements, next_.data());
    std::copy_n(bytes_.data() + whole, size_ - whole, next_.data() + whole);
    bytes_.swap(next_);
}

const char* ChunkDecoder::decode(unsigned skipped) {
    bool has_checksum = false;  // of Fletcher's kind, which makes zlib's own one needless
    for (std::size_t i = filters_.size(); i-- > 0;) {
        if ((skipped >> i & 1u) != 0) continue;
        const char* problem = nullptr;
        if (filters_[i] == Filter::fletcher32) problem = check_fletcher32(), has_checksum = true;
        if (filters_[i] == Filter::deflate) problem = inflate(!has_checksum);
        if (filters_[i] == Filter::shuffle) unshuffle();
        if (problem != nullptr) return problem;
    }
    return size_ == chunk_bytes_ ? nullptr : "a chunk of the wrong size";
}

}  // namespace kvmem::hdf5
