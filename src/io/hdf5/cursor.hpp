// Metadata of a file, read from front to end, with a check before every step.
#pragma once

#include "kvmem/io/hdf5.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::hdf5 {

static_assert(std::endian::native == std::endian::little, "files and memory share their byte order");

// The address of what is not there.
inline constexpr std::uint64_t no_address = ~std::uint64_t{0};

Error damaged(const std::string& where, const std::string& expected, const std::string& got);
// The error of a right file that has more than kvmem's formats allow.
ForeignLayout foreign(const std::string& where, const std::string& expected, const std::string& got);
// The error of a dataset that is not as expected.
Error unreadable(const std::string& where, const std::string& expected, const std::string& got);

// Bob Jenkins' lookup3, the checksum of HDF5's metadata.
std::uint32_t lookup3(std::span<const std::byte> bytes);

class Cursor {
  public:
    // `where` names file and object in errors. Bytes and name must outlive the cursor.
    Cursor(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(&where) {}

    std::size_t left() const { return bytes_.size(); }
    const std::string& where() const { return *where_; }

    // The next `count` bytes. Throws Error when fewer are left.
    std::span<const std::byte> take(std::uint64_t count) {
        if (count > bytes_.size()) throw damaged(*where_, "whole metadata", "a part that ends too early");
        const auto taken = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return taken;
    }
    void skip(std::uint64_t count) { take(count); }
    // An unsigned integer of 1 to 8 bytes.
    std::uint64_t number(std::size_t width) {
        std::uint64_t value = 0;
        std::memcpy(&value, take(width).data(), width);
        return value;
    }
    unsigned u8() { return static_cast<unsigned>(number(1)); }
    unsigned u16() { return static_cast<unsigned>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    // Throws Error unless the next bytes are a structure's signature and its version.
    void signature(std::string_view name, unsigned version);

  private:
    std::span<const std::byte> bytes_;
    const std::string* where_;
};

// Throws Error unless the last four bytes are the checksum of those before, which are returned.
std::span<const std::byte> checked(std::span<const std::byte> bytes, const std::string& where);

}  // namespace kvmem::hdf5
