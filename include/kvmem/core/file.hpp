// Files: reading whole ones, replacing them so that a crash leaves the old one or the new one, locking.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace kvmem {

// The bytes of a file. Pipes are read to their end, and devices if that comes within 16 MiB. Throws Error with the
// system's reason, also for a directory, for a pipe that nobody comes to write to within three seconds, and for more
// bytes than the machine's memory holds; of a pipe, than a quarter of it.
std::string read_file(const std::filesystem::path& path);

// All that is left of standard input, read as files are.
std::string read_standard_input();

// Puts `bytes` in place of what `path` holds: written to a temporary name beside it, flushed to disk,
// renamed. Of a symbolic link, the file that it leads to is replaced or made. Permission bits stay as they were, as
// does the owner, as far as one may give files away; a new file has those of `like` if that is there, and writing for
// its owner, or follows the umask. On any failure throws Error, and `path` is as it was with nothing left beside it.
// What is not a plain file is not replaced.
void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                  const std::filesystem::path& like = {});
void replace_file(const std::filesystem::path& path, std::string_view text);

// Throws the Error that replace_file(path) would, as far as that can be known before writing.
void require_writable(const std::filesystem::path& path);

// Removes what processes that were killed in replace_file(path) left beside it; replace_file does so itself.
void remove_leftovers(const std::filesystem::path& path);

// Whether anything, or a directory, is at `path`. Throws Error where the system does not tell.
bool is_there(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

// An exclusive lock on a file (made if needed) among processes, held while it lives; the system takes it
// back from a process that dies. The file goes when the lock does, and is there after that only if its holder was
// killed. Throws Error when another holds it and keeps it for half a second; the error says that `guarded` is in
// use by `holder`. Throws, too, on a file system that has no locks.
class FileLock {
  public:
    FileLock(std::filesystem::path path, const std::filesystem::path& guarded, const std::string& holder);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    std::filesystem::path path_;
    int descriptor_;
};

}  // namespace kvmem
