#include "store/files/log.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvmem::store {

namespace {

// The numbers of a log are little-endian, as are the machines that kvmem is for.
struct Head {
    char magic[8];
    std::uint64_t format;  // 1
    std::uint64_t generation;
    std::uint64_t checksum;  // XXH3 of what stands before it
};
static_assert(sizeof(Head) == log_head_bytes);
struct RecordHead {
    std::uint64_t length;  // of the body
    std::uint64_t version;
    std::uint64_t checksum;  // XXH3 of the body, seeded with length + version
};
struct BodyHead {
    std::uint64_t change;
    std::uint64_t slots;
    std::uint64_t has_texts;  // 0 or 1
};
// Then ids; and, unless they are removed, keys, values, the lengths of texts if there are any, and the texts.

// A record that changes nothing: all that stands before it was on the disk when it was written.
struct Mark {
    RecordHead head;  // of the version before it
    std::uint64_t kind;
    std::uint64_t place;       // of the mark, in bytes from the log's start
    std::uint64_t generation;  // of the log
};
constexpr std::uint64_t mark_kind = 3;

constexpr char log_magic[8] = {'k', 'v', 'm', 'e', 'm', 'l', 'o', 'g'};

std::uint64_t checksum_of(const RecordHead& head, const char* body) {
    return XXH3_64bits_withSeed(body, head.length, head.length + head.version);
}

Error system_error(const char* what, const std::filesystem::path& path) {
    return Error({.what = what, .expected = {}, .got = std::strerror(errno), .where = path.string(), .hint = {}});
}
Error damaged(const std::string& name, const char* expected, const std::string& got) {
    return Error({.what = "this store's log is damaged", .expected = expected, .got = got, .where = name, .hint = {}});
}

template <class T>
void put(std::string& bytes, const T* values, std::size_t count) {
    bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

std::string encode(const Record& record) {
    std::string bytes(sizeof(RecordHead), '\0');
    const auto n = record.ids.size();
    bytes.reserve(bytes.size() + sizeof(BodyHead) + n * 8 +
                  static_cast<std::size_t>(record.keys.size() + record.values.vectors.size()) * 4);
    const BodyHead body{static_cast<std::uint64_t>(record.change), n, record.values.texts.empty() ? 0u : 1u};
    put(bytes, &body, 1);
    put(bytes, record.ids.data(), n);
    if (record.change != Change::remove) {
        put(bytes, record.keys.data, static_cast<std::size_t>(record.keys.size()));
        put(bytes, record.values.vectors.data, static_cast<std::size_t>(record.values.vectors.size()));
        for (const std::string& text : record.values.texts) {
            const std::uint64_t length = text.size();
            put(bytes, &length, 1);
        }
        for (const std::string& text : record.values.texts) bytes += text;
    }
    RecordHead head{bytes.size() - sizeof(RecordHead), record.version, 0};
    head.checksum = checksum_of(head, bytes.data() + sizeof head);
    std::memcpy(bytes.data(), &head, sizeof head);
    return bytes;
}

// Takes numbers from the front of some bytes.
class Source {
  public:
    Source(const char* bytes, std::size_t size, const std::string& name) : at_(bytes), left_(size), name_(name) {}

    template <class T>
    std::vector<T> take(std::uint64_t count) {
        if (count > left_ / sizeof(T)) throw damaged(name_, "records as long as what they hold", "a shorter one");
        std::vector<T> values(static_cast<std::size_t>(count));
        if (count > 0) std::memcpy(values.data(), at_, values.size() * sizeof(T));
        at_ += values.size() * sizeof(T);
        left_ -= values.size() * sizeof(T);
        return values;
    }
    std::string text(std::uint64_t length) {
        const std::vector<char> bytes = take<char>(length);
        return {bytes.begin(), bytes.end()};
    }
    bool is_empty() const { return left_ == 0; }
    // So many rows of numbers, if their bytes can be there.
    std::vector<float> rows(std::uint64_t count, Index width) {
        if (width > 0 && count > left_ / sizeof(float) / static_cast<std::uint64_t>(width))
            throw damaged(name_, "records as long as what they hold", "a shorter one");
        return take<float>(count * static_cast<std::uint64_t>(width));
    }

  private:
    const char* at_;
    std::size_t left_;
    const std::string& name_;
};

void hand_on(const RecordHead& head, const char* bytes, const std::string& name, const StoreOptions& options,
             const std::function<void(const Record&)>& take) {
    Source source(bytes, head.length, name);
    const BodyHead body = source.take<BodyHead>(1)[0];
    if (body.change > 2 || body.has_texts > (body.change == 2 ? 0 : 1))
        throw damaged(name, "changes that are known", "another");
    if (body.slots == 0) throw damaged(name, "changes of some slots", "one of none");
    const auto ids = source.take<Id>(body.slots);
    std::vector<float> keys, values;
    std::vector<std::string> texts;
    const auto change = static_cast<Change>(body.change);
    if (change != Change::remove) {
        keys = source.rows(body.slots, options.key_width);
        values = source.rows(body.slots, options.value_width);
        if (body.has_texts == 1) {
            const auto lengths = source.take<std::uint64_t>(body.slots);
            for (const std::uint64_t length : lengths) texts.push_back(source.text(length));
        }
    }
    if (!source.is_empty()) throw damaged(name, "records as long as what they hold", "a longer one");
    const auto view = [&](const std::vector<float>& numbers, Index width) {
        return ConstView{numbers.data(), static_cast<Index>(body.slots), width};
    };
    take({change, head.version, view(keys, options.key_width), {view(values, options.value_width), texts}, ids});
}

Mark mark_at(std::size_t place, std::uint64_t version, std::uint64_t generation) {
    Mark mark{{sizeof(Mark) - sizeof(RecordHead), version, 0}, mark_kind, place, generation};
    mark.head.checksum = checksum_of(mark.head, reinterpret_cast<const char*>(&mark) + sizeof mark.head);
    return mark;
}

// Whether there is a mark at this place: the same work wherever it is asked.
bool is_mark(const std::string& log, std::size_t place, std::uint64_t generation) {
    Mark mark{};
    if (log.size() - place < sizeof mark) return false;
    std::memcpy(&mark, log.data() + place, sizeof mark);
    if (mark.kind != mark_kind || mark.place != place) return false;
    const Mark right = mark_at(place, mark.head.version, generation);
    return std::memcmp(&mark, &right, sizeof mark) == 0;
}

// What a kill leaves unfinished is the last record, and what a power loss leaves may have holes since the last sync().
// But a bad record before a mark was promised to be there. Its damage may be to its length, so the mark may begin
// anywhere.
void require_unsynced(const std::string& log, std::size_t at, std::uint64_t generation, const std::string& name,
                      std::uint64_t version) {
    for (std::size_t place = at + 1; place + sizeof(Mark) <= log.size(); ++place)
        if (is_mark(log, place, generation))
            throw damaged(name, "all changes before the last sync", "a bad one, change " + std::to_string(version));
}

}  // namespace

LogWriter::LogWriter(const std::filesystem::path& path, std::size_t size, std::uint64_t generation)
    : path_(path),
      generation_(generation),
      descriptor_(::open(path.c_str(), O_WRONLY | O_CLOEXEC)),
      size_(size),
      marked_(log_head_bytes) {
    if (descriptor_ < 0) throw system_error("cannot write here", path);
    // What a kill left unfinished goes.
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0 || ::lseek(descriptor_, 0, SEEK_END) < 0) {
        const Error error = system_error("cannot write here", path);
        ::close(descriptor_);
        throw error;
    }
}

LogWriter::~LogWriter() { ::close(descriptor_); }

void LogWriter::append(const Record& record) { write(encode(record)); }

void LogWriter::require_whole() const {
    if (is_broken_)
        throw Error({.what = "this store's log can no longer be written",
                     .expected = {},
                     .got = "a failed write before",
                     .where = path_.string(),
                     .hint = "open the store again"});
}

void LogWriter::write(std::string_view bytes) {
    require_whole();
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t n = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
        if (n >= 0) {
            done += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {
            const Error error = system_error("cannot write", path_);
            is_broken_ = ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0 ||
                         ::lseek(descriptor_, static_cast<off_t>(size_), SEEK_SET) < 0;
            throw error;
        }
    }
    size_ += bytes.size();
}

void LogWriter::sync(std::uint64_t version) {
    require_whole();  // a second call would not be told of what was lost before the first
    if (::fdatasync(descriptor_) != 0) {
        // The system may have dropped what it could not write: nothing more can be promised of this file.
        const Error error = system_error("cannot flush", path_);
        is_broken_ = true;
        throw error;
    }
    if (size_ == marked_) return;
    const Mark mark = mark_at(size_, version, generation_);
    try {
        write({reinterpret_cast<const char*>(&mark), sizeof mark});
        marked_ = size_;
    } catch (const Error&) {
        // All is on the disk as it should be; without a mark, damage to it would only be taken for a power loss.
    }
}

void make_log(const std::filesystem::path& path, std::uint64_t generation, const std::filesystem::path& store) {
    Head head{{}, 1, generation, 0};
    std::memcpy(head.magic, log_magic, sizeof log_magic);
    head.checksum = XXH3_64bits(&head, sizeof head - sizeof head.checksum);
    replace_file(path, std::as_bytes(std::span(&head, 1)), store);
}

std::uint64_t log_generation(const std::string& bytes, const std::string& name) {
    Head head{};
    if (bytes.size() < sizeof head || std::memcmp(bytes.data(), log_magic, sizeof log_magic) != 0)
        throw damaged(name, "the head of a log", bytes.empty() ? "an empty file" : "other bytes");
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.checksum != XXH3_64bits(&head, sizeof head - sizeof head.checksum))
        throw damaged(name, "a head with its checksum", "another checksum");
    if (head.format != 1) throw damaged(name, "a log of format 1", std::to_string(head.format));
    if (head.generation == 0) throw damaged(name, "a log of some file", "one of none");
    return head.generation;
}

std::size_t replay_log(const std::string& bytes, const std::string& name, const StoreOptions& options,
                       std::uint64_t version, const std::function<void(const Record&)>& take) {
    const std::uint64_t generation = log_generation(bytes, name);
    std::size_t at = sizeof(Head);
    for (RecordHead head{}; bytes.size() - at >= sizeof head; at += sizeof head + head.length) {
        std::memcpy(&head, bytes.data() + at, sizeof head);
        if (head.version == version && is_mark(bytes, at, generation)) continue;
        ++version;
        if (head.length > bytes.size() - at - sizeof head || head.length < sizeof(BodyHead) ||
            head.checksum != checksum_of(head, bytes.data() + at + sizeof head)) {
            require_unsynced(bytes, at, generation, name, version);
            break;
        }
        if (head.version != version)
            throw damaged(name, "changes one after the other", "change " + std::to_string(head.version));
        hand_on(head, bytes.data() + at + sizeof head, name, options, take);
    }
    return at;
}

std::string with_checksums(std::string log) {
    Head head{};
    if (log.size() < sizeof head) return log;
    std::memcpy(&head, log.data(), sizeof head);
    head.checksum = XXH3_64bits(&head, sizeof head - sizeof head.checksum);
    std::memcpy(log.data(), &head, sizeof head);
    std::size_t at = sizeof head;
    for (RecordHead record{}; log.size() - at >= sizeof record; at += sizeof record + record.length) {
        std::memcpy(&record, log.data() + at, sizeof record);
        if (record.length > log.size() - at - sizeof record) break;
        record.checksum = checksum_of(record, log.data() + at + sizeof record);
        std::memcpy(log.data() + at, &record, sizeof record);
    }
    return log;
}

}  // namespace kvmem::store
