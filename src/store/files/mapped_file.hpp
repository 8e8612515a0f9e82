// A file mapped for reading. A program that changes the file in place changes the mapped bytes, and one that truncates
// it ends its readers with SIGBUS. kvmem itself only ever replaces files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace kvmem::store {

class MappedFile {
  public:
    // Throws Error when the path is no regular file, or an empty one.
    explicit MappedFile(const std::filesystem::path& path);

    // Bytes [offset, offset + count). Throws Error when the file is shorter.
    const std::byte* at(std::uint64_t offset, std::uint64_t count) const;
    // Keeps the mapping alive.
    std::shared_ptr<void> owner() const { return bytes_; }
    // Throws Error when the path names another file now: the path was opened twice and must have named one file.
    void require_same(const std::filesystem::path& path) const;

  private:
    std::string name_;
    std::shared_ptr<void> bytes_;
    std::uint64_t size_ = 0, device_ = 0, inode_ = 0;
};

}  // namespace kvmem::store
