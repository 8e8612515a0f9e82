// Files: reading whole ones, replacing them so that a crash leaves the old one or the new one, locking.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace kvmem {

// The bytes of a file. Throws Error with the system's reason, also for a directory.
std::string read_file(const std::filesystem::path& path);

// Puts `bytes` in place of what `path` holds: written to a temporary name beside it, flushed to disk,
// renamed. Of a symbolic link, the file behind it is replaced. On any failure throws Error, and `path` is as it was
// with nothing left beside it. What is neither a plain file nor a link to one is not replaced; a link is, by the file
// itself.
void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void replace_file(const std::filesystem::path& path, std::string_view text);

// Throws the Error that replace_file(path) would, as far as that can be known before writing.
void require_writable(const std::filesystem::path& path);

// An exclusive lock on a file (made if needed) among processes, held while it lives; the system takes it
// back from a process that dies. Throws Error when another holds it and keeps it for half a second; `holder` says what
// that is.
class FileLock {
  public:
    FileLock(const std::filesystem::path& path, const std::string& holder);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    int descriptor_;
};

}  // namespace kvmem
