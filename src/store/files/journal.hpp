// A store's file, its log and the lock that one writer holds.
#pragma once

#include "kvmem/core/file.hpp"
#include "store/files/log.hpp"
#include "store/files/store_file.hpp"
#include "store/state.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace kvmem::store {

std::filesystem::path log_path(const std::filesystem::path& path);
std::filesystem::path lock_path(const std::filesystem::path& path);

// Hands on the changes that the log beside a file holds and the file does not; each is to be made, and `take` says
// whether it changed anything. Gives the log's length up to the end of the last whole one, or nothing when the log is
// not this file's (any more). Throws Error when it is another's, or holds what no writer could have done.
std::optional<std::size_t> replay_beside(const std::filesystem::path& path, const FileHead& head,
                                         const std::function<bool(const Record&)>& take);

class Journal {
  public:
    // Takes the lock. Throws Error when another process has it and keeps it (FileLock).
    explicit Journal(const std::filesystem::path& path);

    // Makes the log ready: to go on after `size` bytes, or from the start.
    void begin(const FileHead& head, std::optional<std::size_t> size);
    void append(const Record& record);
    // All changes, up to this version of the store, are on the disk when it returns.
    void sync(std::uint64_t version);
    // The file anew, of a part that holds the whole state, and an empty log.
    void replace(const Part& part, const State& state);

  private:
    std::filesystem::path path_;
    FileLock lock_;
    std::uint64_t generation_ = 0;
    std::unique_ptr<LogWriter> log_;
};

// A file that belongs to no journal. Throws Error when a writer has it open.
void save_alone(const std::filesystem::path& path, const Part& part, const State& state);

}  // namespace kvmem::store
