// Files: reading whole ones, replacing them so that a crash leaves the old one or the new one, locking.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace kvmem {

// The bytes of a file. Pipes are read to their end, and devices if their end comes within 16 MiB. Throws Error with the
// system's reason for what cannot be read, such as a directory. Throws Error, too, for a pipe that no process writes to
// within three seconds, and for a file larger than this process's memory (a pipe: than a quarter of it).
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

// The rest of standard input, read as a file is.
[[nodiscard]] std::string read_standard_input();

// Replaces the contents of `path` by `bytes`, all or nothing: they are written to a temporary file beside it, flushed
// to disk and renamed. On any failure it throws Error, leaves `path` as it was, and leaves nothing beside it. A
// symbolic link stays, and the file that it leads to is replaced or made. Only plain files are replaced. Permission
// bits stay, and so does the owner, as far as the process may set it. A new file has the permissions of `like`, with
// writing for its owner, or follows the umask where there is no such file.
void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                  const std::filesystem::path& like = {});
void replace_file(const std::filesystem::path& path, std::string_view text);

// Throws the Error that replace_file(path) would, as far as it is known before writing.
void require_writable(const std::filesystem::path& path);

// Removes the temporary files of processes that were killed in replace_file(path), which does so itself, too.
void remove_leftovers(const std::filesystem::path& path);

// The path that a chain of symbolic links leads to; no file need be there. Throws Error for a chain without an end.
[[nodiscard]] std::filesystem::path behind_links(std::filesystem::path path);

// Whether `path` exists, or is a directory. Throws Error where the system does not tell.
[[nodiscard]] bool is_there(const std::filesystem::path& path);
[[nodiscard]] bool is_folder(const std::filesystem::path& path);

// An exclusive lock among processes on a file, which is made if needed, for as long as the object lives. The system
// releases the lock of a process that dies. The file is removed with the lock, and stays only if its holder was killed.
// Throws Error when another process holds the lock for half a second: `guarded` is in use by `holder`. Throws Error,
// too, on a file system without locks.
class FileLock {
  public:
    // Takes the lock of the file at `path`.
    FileLock(std::filesystem::path path, const std::filesystem::path& guarded, const std::string& holder);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    std::filesystem::path path_;
    int descriptor_;
};

}  // namespace kvmem
