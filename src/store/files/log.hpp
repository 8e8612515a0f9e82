// The log of a store: the changes since its file was written, as records with checksums (src/store/files/README.md).
#pragma once

#include "store/segment.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace kvmem::store {

enum class Change : std::uint8_t { add = 0, upsert = 1, remove = 2 };

struct Record {
    Change change;
    std::uint64_t version;  // of the store after the change
    ConstView keys;
    Values values;
    std::span<const Id> ids;
};

// Appends records to a log. Every function throws Error when the system refuses, as a full disk does; the file is then
// as before.
class LogWriter {
  public:
    // Continues after the first `size` bytes of an existing log of this generation, and cuts off the rest.
    LogWriter(const std::filesystem::path& path, std::size_t size, std::uint64_t generation);
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    void append(const Record& record);
    // Returns when all records are on the disk, and appends a marker that says so. `version` is that of the last
    // record.
    void sync(std::uint64_t version);

  private:
    void write(std::string_view bytes);
    void require_whole() const;

    std::filesystem::path path_;
    std::uint64_t generation_;
    int descriptor_;
    std::size_t size_;
    std::size_t marked_;      // the end of the last marker that this writer wrote, or of the head
    bool is_broken_ = false;  // a failed write could not be undone, or a flush failed
};

inline constexpr std::size_t log_head_bytes = 32;

// Writes an empty log for the file of this generation, in place of an old log. It has the permissions of the store.
void make_log(const std::filesystem::path& path, std::uint64_t generation, const std::filesystem::path& store);

// The generation of a log. Throws Error when the bytes are no log.
std::uint64_t log_generation(const std::string& bytes, const std::string& name);

// Calls `apply` with each whole record in turn; their versions must follow `version`. A removal has ids alone. Returns
// the length up to the end of the last whole record: a record behind it was being written when its writer ended. Throws
// Error when a record has a right checksum but impossible contents, or when a bad record comes before a sync marker.
std::size_t replay_log(const std::string& bytes, const std::string& name, const StoreOptions& options,
                       std::uint64_t version, const std::function<void(const Record&)>& apply);

}  // namespace kvmem::store
