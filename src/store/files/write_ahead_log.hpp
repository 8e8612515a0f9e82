// The files of a store: its HDF5 file or its manifest and shards, the write-ahead log beside it, and the lock of the
// one writer.
//
// A change is in the log before readers see it. A checkpoint writes the file anew and then empties the log; a kill
// between any two steps leaves a file and a log that open() understands.
#pragma once

#include "kvmem/core/file.hpp"
#include "store/files/log.hpp"
#include "store/files/store_file.hpp"
#include "store/snapshot.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace kvmem::store {

std::filesystem::path log_path(const std::filesystem::path& path);
std::filesystem::path lock_path(const std::filesystem::path& path);

// Applies the changes that the log beside a file holds and the file does not. `apply` returns whether its record
// changed anything. Returns the length up to the end of the last whole record, or nothing when the log is missing or
// the file holds all of it. Throws Error when the log is another file's, or holds what no writer could have written.
std::optional<std::size_t> replay_beside(const std::filesystem::path& path, const FileHead& head,
                                         const std::function<bool(const Record&)>& apply);

class WriteAheadLog {
  public:
    // Takes the lock. Throws Error when another process holds it (FileLock).
    explicit WriteAheadLog(const std::filesystem::path& path);

    // Prepares the log for append(): after its first `size` bytes, or empty.
    void begin(const FileHead& head, std::optional<std::size_t> size);
    void append(const Record& record);
    // Returns when all changes up to this version of the store are on the disk.
    void sync(std::uint64_t version);
    // Writes the file or, with names of shards, all of these and the manifest of this id anew, from segments that hold
    // the whole snapshot, and empties the log.
    void checkpoint(std::span<const std::shared_ptr<const Segment>> segments, std::span<const std::string> shards,
                    std::uint64_t set, const Snapshot& snapshot);

  private:
    LogWriter& writer();

    std::filesystem::path path_;
    FileLock lock_;
    std::uint64_t generation_ = 0;
    std::unique_ptr<LogWriter> writer_;  // null after a checkpoint that could not begin a new log
};

// Writes a file that no log of this process belongs to. Throws Error when a writer has the file open.
void save_alone(const std::filesystem::path& path, const Segment& segment, const Snapshot& snapshot);

}  // namespace kvmem::store
