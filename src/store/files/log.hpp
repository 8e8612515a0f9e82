// What was done to a store since its file was written: a file of records with checksums, beside it
// (datasets/README.md).
#pragma once

#include "store/part.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace kvmem::store {

enum class Change : std::uint8_t { add = 0, upsert = 1, remove = 2 };

struct Record {
    Change change;
    std::uint64_t version;  // of the store, after it
    ConstView keys;
    Values values;
    std::span<const Id> ids;
};

// Throws Error when there is no room on the disk and so on; then the file is as it was.
class LogWriter {
  public:
    // Goes on with the first `size` bytes of a log that is there, of this generation.
    LogWriter(const std::filesystem::path& path, std::size_t size, std::uint64_t generation);
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    void append(const Record& record);
    // Returns when all records are on the disk, and marks that they are; `version` is that of the last one.
    void sync(std::uint64_t version);

  private:
    void write(std::string_view bytes);
    void require_whole() const;

    std::filesystem::path path_;
    std::uint64_t generation_;
    int descriptor_;
    std::size_t size_;
    std::size_t marked_;      // of them, the bytes up to the end of the last mark, or of the head
    bool is_broken_ = false;  // what was left of a failed write could not be taken back, or a flush failed
};

inline constexpr std::size_t log_head_bytes = 32;

// A log without records, in place of what was there: it belongs to the file of this generation. A new one has the
// permissions of its store.
void make_log(const std::filesystem::path& path, std::uint64_t generation, const std::filesystem::path& store);

// The generation of a log. Throws Error when the file is none.
std::uint64_t log_generation(const std::string& bytes, const std::string& name);
// Hands on each whole record in turn, whose versions must follow `version`; of removals the ids alone count. Returns
// the bytes up to the end of the last one: what follows was being written when its writer ended. Throws Error when a
// record has a right checksum but cannot be, or a bad one has a mark behind it that says that it was on the disk.
std::size_t replay_log(const std::string& bytes, const std::string& name, const StoreOptions& options,
                       std::uint64_t version, const std::function<void(const Record&)>& take);

// The same bytes with the checksums that they should have, for tests.
std::string with_checksums(std::string log);

}  // namespace kvmem::store
