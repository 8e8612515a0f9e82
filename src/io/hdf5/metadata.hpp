// The blocks of metadata that were read of a file. They stay in memory, and all views of them with them.
#pragma once

#include "io/hdf5/cursor.hpp"
#include "io/hdf5/source.hpp"

#include <algorithm>
#include <deque>

namespace kvmem::hdf5 {

class Metadata {
  public:
    // The source must outlive it.
    explicit Metadata(const Source& source) : source_(&source), left_(std::min(source.size(), max_bytes)) {}

    const Source& source() const { return *source_; }
    // Reads bytes of the file. Blocks of a right file do not overlap, so all of them together may be as large as the
    // file, and at most 256 MiB: no circle of addresses takes time or memory without end. Throws Error.
    std::span<const std::byte> read(std::uint64_t address, std::uint64_t size, const std::string& where) {
        if (!source_->has(address, size)) throw damaged(where, "metadata inside the file", "an address beyond its end");
        if (size > left_) throw damaged(where, "metadata that do not overlap", "more of them than the file has bytes");
        left_ -= size;
        return blocks_.emplace_back(source_->bytes(address, size));
    }

  private:
    static constexpr std::uint64_t max_bytes = std::uint64_t{256} << 20;

    const Source* source_;
    std::uint64_t left_;
    std::deque<std::vector<std::byte>> blocks_;
};

}  // namespace kvmem::hdf5
