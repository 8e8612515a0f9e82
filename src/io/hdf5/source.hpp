// The bytes of a file that is read and not trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kvmem::hdf5 {

// Every read is checked against the size first. A file that another program cuts or changes in between gives Errors or
// other bytes, but ends no process, as a mapping of it would. Several threads may read at once.
class Source {
  public:
    // Throws Error when the path is no regular file.
    explicit Source(const std::filesystem::path& path);
    // Bytes in memory, which must outlive the source. `name` stands for the path in errors.
    Source(std::span<const std::byte> bytes, std::string name) : name_(std::move(name)), bytes_(bytes) {
        size_ = bytes.size();
    }
    ~Source();
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    const std::string& name() const { return name_; }
    std::uint64_t size() const { return size_; }
    bool has(std::uint64_t at, std::uint64_t count) const { return at <= size_ && count <= size_ - at; }

    // Fills `out` with the bytes from `at` on. Throws Error when the file has fewer.
    void read(std::uint64_t at, std::span<std::byte> out) const;
    std::vector<std::byte> bytes(std::uint64_t at, std::uint64_t count) const;

  private:
    void require(std::uint64_t at, std::uint64_t count) const;

    std::string name_;
    std::span<const std::byte> bytes_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

}  // namespace kvmem::hdf5
