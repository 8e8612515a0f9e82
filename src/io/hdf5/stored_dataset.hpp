// An open dataset of an untrusted file. The constructor checks it, so that a read cannot take unexpected memory.
#pragma once

#include "io/hdf5/element_type.hpp"
#include "io/hdf5/handle.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kvmem::hdf5 {

class StoredDataset {
  public:
    // Throws Error, before anything large is allocated, unless the dataset has one or two dimensions of a plain number
    // type, a known layout and filters, all values in this file, and no more of them than its stored bytes can hold.
    // `where` names file and path.
    StoredDataset(Handle dataset, std::string where);

    Element element() const { return element_; }
    std::span<const hsize_t> shape() const { return shape_; }
    std::size_t size() const { return size_; }  // elements
    std::size_t bytes() const { return size_ * size_of(element_); }
    const std::string& where() const { return where_; }
    hid_t id() const { return dataset_; }

    // Fills `out`, bytes() bytes, with the stored values. Throws Error.
    void read(std::span<std::byte> out) const;

  private:
    [[noreturn]] void refuse(const std::string& expected, const std::string& got) const;
    void find_type();
    void find_shape();
    void check_layout();
    void find_chunks(hid_t creation);
    struct StoredChunk {
        std::vector<hsize_t> at;
        std::vector<std::byte> bytes;
        std::uint32_t skipped;  // a bit for each filter that was not applied
    };
    StoredChunk read_chunk(std::span<const hsize_t> at) const;
    void unpack(std::span<StoredChunk> chunks, std::span<std::byte> out) const;
    void copy_rows(std::span<const hsize_t> at, std::span<const std::byte> chunk, std::span<std::byte> out) const;

    std::string where_;
    Handle dataset_;
    Element element_{};
    std::vector<hsize_t> shape_;
    std::size_t size_ = 1;
    std::vector<hsize_t> chunk_shape_;  // empty unless chunked
    std::size_t chunk_bytes_ = 0;
    std::vector<H5Z_filter_t> filters_;
};

}  // namespace kvmem::hdf5
