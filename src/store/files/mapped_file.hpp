// A file mapped for reading. Whoever changes it in place changes what is seen, and whoever cuts it short ends those
// that read it; kvmem only ever replaces files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace kvmem::store {

class MappedFile {
  public:
    // Throws Error.
    explicit MappedFile(const std::filesystem::path& path);

    // Bytes [offset, offset + count). Throws Error when the file is shorter.
    const std::byte* at(std::uint64_t offset, std::uint64_t count) const;
    // What keeps the mapping.
    std::shared_ptr<void> owner() const { return bytes_; }
    // Throws Error when the path names another file by now.
    void require_same(const std::filesystem::path& path) const;

  private:
    std::string name_;
    std::shared_ptr<void> bytes_;
    std::uint64_t size_ = 0, device_ = 0, inode_ = 0;
};

}  // namespace kvmem::store
