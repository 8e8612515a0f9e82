// A dataset of an untrusted file. The constructor checks it, so that a read cannot take unexpected memory.
#pragma once

#include "io/hdf5/messages.hpp"
#include "io/hdf5/object_header.hpp"

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
    // `where` names file and path. Source and header must outlive the dataset.
    StoredDataset(const Source& source, const ObjectHeader& header, std::string where);

    Element element() const { return element_; }
    std::span<const unsigned long long> shape() const { return shape_; }
    std::size_t size() const { return size_; }  // elements
    std::size_t bytes() const { return size_ * size_of(element_); }
    const std::string& where() const { return where_; }
    // The place of a contiguous dataset in the file, or no_address.
    std::uint64_t address() const {
        return layout_.kind == StorageLayout::Kind::contiguous ? layout_.address : no_address;
    }

    // Fills `out`, bytes() bytes, with the stored values. Throws Error.
    void read(std::span<std::byte> out) const;

  private:
    [[noreturn]] void refuse(const std::string& expected, const std::string& got) const;
    Cursor message(const ObjectHeader& header, MessageType type) const;
    void find_type(const ObjectHeader& header);
    void find_shape(const ObjectHeader& header);
    void find_layout(const ObjectHeader& header);
    void check_chunk_shape();
    std::uint64_t chunk_count() const;
    void read_chunks(std::span<std::byte> out) const;
    void copy_rows(std::uint64_t chunk, std::span<const std::byte> values, std::span<std::byte> out) const;

    std::string where_;
    const Source* source_;
    Element element_{};
    std::vector<unsigned long long> shape_;
    bool can_grow_ = false;
    std::size_t size_ = 1;
    StorageLayout layout_{};
    std::size_t chunk_bytes_ = 0;
    std::vector<Filter> filters_;
};

}  // namespace kvmem::hdf5
