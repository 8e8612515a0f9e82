#include "store/files/journal.hpp"

#include "kvmem/core/error.hpp"

namespace kvmem::store {

namespace fs = std::filesystem;

static constexpr const char* holder = "a process that writes to this store";

static fs::path with_ending(fs::path path, const char* ending) { return path += ending; }
fs::path log_path(const fs::path& path) { return with_ending(path, ".log"); }
fs::path lock_path(const fs::path& path) { return with_ending(path, ".lock"); }

static FileHead head_of(const Part& part, const State& state, std::uint64_t follows) {
    return {state.options, part.capacity, state.version, new_generation(), follows, state.has_texts, 0, {}};
}

// No writer wrote what changes nothing: the version would not count it, and what follows could not be read.
static void take_record(const Record& record, const fs::path& log, const std::function<bool(const Record&)>& take) {
    std::string why = "it would change nothing";
    try {
        if (take(record)) return;
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
                                         const std::function<bool(const Record&)>& take) {
    const fs::path log = log_path(path);
    if (!is_there(log)) return std::nullopt;
    const std::string bytes = read_file(log);
    const std::uint64_t generation = log_generation(bytes, log.string());
    if (generation == head.generation)
        return replay_log(bytes, log.string(), head.options, head.version,
                          [&](const Record& record) { take_record(record, log, take); });
    // A file that was written from this very log, by someone who did not come to empty it.
    if (generation == head.follows) return std::nullopt;
    throw Error({.what = "the log beside this store is another's",
                 .expected = "the changes since the file was written",
                 .got = {},
                 .where = log.string(),
                 .hint = "if it is not wanted, delete it"});
}

Journal::Journal(const fs::path& path) : path_(path), lock_(lock_path(path), path, holder) {
    for (const fs::path& file : {path_, log_path(path_)}) remove_leftovers(file);
}

void Journal::begin(const FileHead& head, std::optional<std::size_t> size) {
    if (!size) make_log(log_path(path_), head.generation, path_);
    generation_ = head.generation;  // not before its log is there: the next file must follow the log that is
    log_ = std::make_unique<LogWriter>(log_path(path_), size.value_or(log_head_bytes), generation_);
}

static Error no_log(const fs::path& path) {
    return Error({.what = "this store's log could not be begun",
                  .expected = {},
                  .got = {},
                  .where = path.string(),
                  .hint = "open the store again"});
}

void Journal::append(const Record& record) {
    if (!log_) throw no_log(log_path(path_));
    log_->append(record);
}

void Journal::sync(std::uint64_t version) {
    if (!log_) throw no_log(log_path(path_));
    log_->sync(version);
}

void Journal::replace(const Part& part, const State& state) {
    const FileHead head = head_of(part, state, generation_);
    write_store(path_, part, head);
    log_.reset();  // from here on, what it holds is in the file
    begin(head, std::nullopt);
}

void save_alone(const fs::path& path, const Part& part, const State& state) {
    std::optional<FileLock> lock;
    std::uint64_t follows = 0;
    if (is_there(log_path(path))) {
        lock.emplace(lock_path(path), path, holder);
        follows = log_generation(read_file(log_path(path)), log_path(path).string());
    }
    write_store(path, part, head_of(part, state, follows));
}

}  // namespace kvmem::store
