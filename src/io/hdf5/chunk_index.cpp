#include "io/hdf5/chunk_index.hpp"

#include <algorithm>

namespace kvmem::hdf5 {

namespace {

// A fixed array (VII.D): a header, and a block with an entry for each chunk, which has pages if it is large.
class FixedArray {
  public:
    FixedArray(const Source& source, std::uint64_t address, bool has_filters, std::uint64_t count,
               std::uint64_t chunk_bytes, const std::string& where);
    std::vector<StoredChunk> entries() const;

  private:
    void append(std::span<const std::byte> bytes, std::vector<StoredChunk>& chunks) const;

    const Source& source_;
    const std::string& where_;
    bool has_filters_;
    std::uint64_t count_, chunk_bytes_, header_, block_ = no_address;
    std::size_t entry_bytes_ = 0, page_bits_ = 0;
};

}  // namespace

FixedArray::FixedArray(const Source& source, std::uint64_t address, bool has_filters, std::uint64_t count,
                       std::uint64_t chunk_bytes, const std::string& where)
    : source_(source),
      where_(where),
      has_filters_(has_filters),
      count_(count),
      chunk_bytes_(chunk_bytes),
      header_(address) {
    constexpr std::size_t header_bytes = 28;
    const auto bytes = source.bytes(address, header_bytes);
    Cursor header(checked(bytes, where), where);
    header.signature("FAHD", 0);
    const bool is_filtered = header.u8() != 0;
    entry_bytes_ = header.u8();
    page_bits_ = header.u8();
    const std::uint64_t entries = header.u64();
    block_ = header.u64();
    const bool is_right_entry = has_filters ? entry_bytes_ > 12 && entry_bytes_ <= 20 : entry_bytes_ == 8;
    if (is_filtered != has_filters || !is_right_entry || page_bits_ > 32 || entries != count)
        throw damaged(where, "an index with an entry for each chunk", "another one");
    // The file has all entries, so there may be memory for as many chunks.
    if (count > source.size() / entry_bytes_) throw damaged(where, "chunks inside the file", "more of them");
}

void FixedArray::append(std::span<const std::byte> bytes, std::vector<StoredChunk>& chunks) const {
    Cursor cursor(bytes, where_);
    while (cursor.left() > 0) {
        StoredChunk chunk{cursor.u64(), chunk_bytes_, 0};
        if (has_filters_) {
            chunk.size = cursor.number(entry_bytes_ - 12);
            chunk.skipped = cursor.u32();
        }
        chunks.push_back(chunk);
    }
}

std::vector<StoredChunk> FixedArray::entries() const {
    constexpr std::size_t head_bytes = 14;
    const std::uint64_t page_entries = std::uint64_t{1} << page_bits_;
    const std::uint64_t pages = count_ > page_entries ? (count_ + page_entries - 1) / page_entries : 0;
    const std::uint64_t content = pages > 0 ? (pages + 7) / 8 : count_ * entry_bytes_;
    const auto block = source_.bytes(block_, head_bytes + content + checksum_bytes);
    Cursor cursor(checked(block, where_), where_);
    cursor.signature("FADB", 0);
    cursor.skip(1);
    if (cursor.u64() != header_) throw damaged(where_, "a block of this index", "one of another");
    std::vector<StoredChunk> chunks;
    chunks.reserve(count_);
    if (pages == 0) {
        append(cursor.take(content), chunks);
        return chunks;
    }
    const auto written = cursor.take(content);  // a bit for each page, the highest one first
    std::uint64_t at = block_ + block.size();
    for (std::uint64_t page = 0; page < pages; ++page) {
        if ((std::to_integer<unsigned>(written[page / 8]) << page % 8 & 0x80u) == 0)
            throw unreadable(where_, "every chunk", "one that was never written");
        const std::uint64_t entries = std::min(page_entries, count_ - page * page_entries);
        const auto bytes = source_.bytes(at, entries * entry_bytes_ + checksum_bytes);
        append(checked(bytes, where_), chunks);
        at += bytes.size();
    }
    return chunks;
}

// Throws Error unless all chunks were written, are inside the file, and do not overlap by their sizes: so a small file
// cannot inflate to more than its bytes can.
static void check_chunks(const Source& source, std::span<const StoredChunk> chunks, std::uint64_t max_size,
                         const std::string& where) {
    std::uint64_t left = source.size();
    for (const StoredChunk& chunk : chunks) {
        if (chunk.address == no_address) throw unreadable(where, "every chunk", "one that was never written");
        if (chunk.size == 0 || chunk.size > max_size)
            throw unreadable(where, "chunks that take about their size at most", std::to_string(chunk.size) + " bytes");
        if (!source.has(chunk.address, chunk.size))
            throw damaged(where, "a chunk inside the file", "one beyond its end");
        if (chunk.size > left)
            throw damaged(where, "chunks that do not overlap", "more bytes of them than of the file");
        left -= chunk.size;
    }
}

std::vector<StoredChunk> chunks_of(const Source& source, const StorageLayout& layout, bool has_filters,
                                   std::uint64_t count, std::uint64_t chunk_bytes, const std::string& where) {
    std::vector<StoredChunk> chunks;
    if (layout.address == no_address) throw unreadable(where, "every chunk", "none that was written");
    if (layout.index == ChunkIndex::fixed_array) {
        chunks = FixedArray(source, layout.address, has_filters, count, chunk_bytes, where).entries();
    } else if (layout.index == ChunkIndex::single) {
        if (count != 1 || layout.filtered_size.has_value() != has_filters)
            throw damaged(where, "a single chunk", "a layout of another");
        chunks.push_back({layout.address, layout.filtered_size.value_or(chunk_bytes), layout.skipped});
    } else {
        if (has_filters || count > source.size() / chunk_bytes)
            throw damaged(where, "chunks that follow each other in the file", "filters, or more of them");
        for (std::uint64_t i = 0; i < count; ++i) chunks.push_back({layout.address + i * chunk_bytes, chunk_bytes, 0});
    }
    check_chunks(source, chunks, has_filters ? max_stored(chunk_bytes) : chunk_bytes, where);
    return chunks;
}

}  // namespace kvmem::hdf5
