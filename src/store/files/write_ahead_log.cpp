#include "store/files/write_ahead_log.hpp"

#include "kvmem/core/error.hpp"
#include "store/files/manifest.hpp"

namespace kvmem::store {

namespace fs = std::filesystem;

static constexpr const char* holder = "a process that writes to this store";

static fs::path with_ending(fs::path path, const char* ending) { return path += ending; }
fs::path log_path(const fs::path& path) { return with_ending(path, ".log"); }
fs::path lock_path(const fs::path& path) { return with_ending(path, ".lock"); }

static FileHead head_of(const Snapshot& snapshot, std::uint64_t follows) {
    FileHead head;
    head.options = snapshot.options;
    head.slots = snapshot.size;
    head.version = snapshot.version;
    head.generation = new_generation();
    head.follows = follows;
    head.has_texts = snapshot.has_texts;
    head.next_id = snapshot.next_id;
    return head;
}

// A record that changes nothing is an error: no writer appends one, and the versions after it would not fit.
static void apply_record(const Record& record, const fs::path& log, const std::function<bool(const Record&)>& apply) {
    std::string why = "it would change nothing";
    try {
        if (apply(record)) return;
    } catch (const Error& error) {
        why = error.what();
    }
    throw Error({.what = "change " + std::to_string(record.version) + " in this store's log cannot be made",
                 .expected = {},
                 .got = why,
                 .where = log.string(),
                 .hint = {}});
}

std::optional<std::size_t> replay_beside(const fs::path& path, const FileHead& head,
                                         const std::function<bool(const Record&)>& apply) {
    const fs::path log = log_path(path);
    if (!is_there(log)) return std::nullopt;
    const std::string bytes = read_file(log);
    const std::uint64_t generation = log_generation(bytes, log.string());
    if (generation == head.generation)
        return replay_log(bytes, log.string(), head.options, head.version,
                          [&](const Record& record) { apply_record(record, log, apply); });
    // The file was written from this very log, by a checkpoint that ended before it emptied the log.
    if (generation == head.follows) return std::nullopt;
    throw Error({.what = "the log beside this store is another's",
                 .expected = "the changes since the file was written",
                 .got = {},
                 .where = log.string(),
                 .hint = "if it is not wanted, delete it"});
}

WriteAheadLog::WriteAheadLog(const fs::path& path) : path_(path), lock_(lock_path(path), path, holder) {
    for (const fs::path& file : {path_, log_path(path_)}) remove_leftovers(file);
}

void WriteAheadLog::begin(const FileHead& head, std::optional<std::size_t> size) {
    if (!size) make_log(log_path(path_), head.generation, path_);
    // Set when the log exists and no sooner: the next file must name the log on the disk as the one that it follows.
    generation_ = head.generation;
    writer_ = std::make_unique<LogWriter>(log_path(path_), size.value_or(log_head_bytes), generation_);
}

LogWriter& WriteAheadLog::writer() {
    if (!writer_)
        throw Error({.what = "this store's log could not be begun",
                     .expected = {},
                     .got = {},
                     .where = log_path(path_).string(),
                     .hint = "open the store again"});
    return *writer_;
}

void WriteAheadLog::append(const Record& record) { writer().append(record); }
void WriteAheadLog::sync(std::uint64_t version) { writer().sync(version); }

void WriteAheadLog::checkpoint(std::span<const std::shared_ptr<const Segment>> segments,
                               std::span<const std::string> shards, std::uint64_t set, const Snapshot& snapshot) {
    FileHead head = head_of(snapshot, generation_);
    head.is_logged = true;
    if (!shards.empty()) head.shard.set = set;
    // The log must hold what some shards have while others and the manifest do not, even after a power loss.
    if (!shards.empty()) sync(snapshot.version);
    write_segments(path_, shards, segments, head);
    writer_.reset();  // from here on the file holds what the old log holds, so no change may go to that log
    begin(head, std::nullopt);
}

void save_alone(const fs::path& path, const Segment& segment, const Snapshot& snapshot) {
    std::optional<FileLock> lock;
    std::uint64_t follows = 0;
    if (is_there(log_path(path))) {
        lock.emplace(lock_path(path), path, holder);
        follows = log_generation(read_file(log_path(path)), log_path(path).string());
    }
    write_store(path, segment, head_of(snapshot, follows));
}

}  // namespace kvmem::store
