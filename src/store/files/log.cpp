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

// A log is a Head and then records: a RecordHead with its body each. The body is a BodyHead and the ids. Unless they
// are removed, the keys, the values, the lengths of texts if it has any, and the texts follow. Numbers are
// little-endian, as are all machines that kvmem supports.
struct Head {
    char magic[8];
    std::uint64_t format;  // 1
    std::uint64_t generation;
    std::uint64_t checksum;  // XXH3 of the bytes before it
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

// A record that changes nothing. All bytes before it were on the disk when it was written.
struct SyncMarker {
    RecordHead head;  // of the version before it
    std::uint64_t kind;
    std::uint64_t offset;      // of the marker, in bytes from the log's start
    std::uint64_t generation;  // of the log
};
constexpr std::uint64_t marker_kind = 3;

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
void append_to(std::string& bytes, const T* values, std::size_t count) {
    bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

std::string encode_record(const Record& record) {
    std::string bytes(sizeof(RecordHead), '\0');
    const auto& [vectors, texts] = record.values;
    const std::size_t n = record.ids.size();
    bytes.reserve(bytes.size() + sizeof(BodyHead) + 8 * n + 4 * (record.keys.size() + vectors.size()));
    const BodyHead body{static_cast<std::uint64_t>(record.change), n, texts.empty() ? 0u : 1u};
    append_to(bytes, &body, 1);
    append_to(bytes, record.ids.data(), n);
    if (record.change != Change::remove) {
        append_to(bytes, record.keys.data, record.keys.size());
        append_to(bytes, vectors.data, vectors.size());
        for (const std::string& text : texts) {
            const std::uint64_t length = text.size();
            append_to(bytes, &length, 1);
        }
        for (const std::string& text : texts) bytes += text;
    }
    RecordHead head{bytes.size() - sizeof(RecordHead), record.version, 0};
    head.checksum = checksum_of(head, bytes.data() + sizeof head);
    std::memcpy(bytes.data(), &head, sizeof head);
    return bytes;
}

// Reads numbers from the front of some bytes. Throws Error, before it allocates, when the bytes are too few.
class ByteReader {
  public:
    ByteReader(const char* bytes, std::size_t size, const std::string& name) : at_(bytes), left_(size), name_(name) {}

    // `count` rows of `width` numbers. Sizes are divided, as their product may overflow.
    template <class T>
    std::vector<T> read(std::uint64_t count, Index width = 1) {
        if (width > 0 && count > left_ / sizeof(T) / width)
            throw damaged(name_, "records as long as what they hold", "a shorter one");
        std::vector<T> values(count * width);
        const std::size_t bytes = values.size() * sizeof(T);
        if (bytes > 0) std::memcpy(values.data(), at_, bytes);
        at_ += bytes;
        left_ -= bytes;
        return values;
    }
    std::string read_text(std::uint64_t length) {
        const std::vector<char> bytes = read<char>(length);
        return {bytes.begin(), bytes.end()};
    }
    bool is_empty() const { return left_ == 0; }

  private:
    const char* at_;
    std::size_t left_;
    const std::string& name_;
};

BodyHead read_body_head(ByteReader& reader, const std::string& name) {
    const BodyHead body = reader.read<BodyHead>(1)[0];
    if (body.change > 2 || body.has_texts > (body.change == 2 ? 0 : 1))
        throw damaged(name, "changes that are known", "another");
    if (body.slots == 0) throw damaged(name, "changes of some slots", "one of none");
    return body;
}

// Decodes the body of a record with a right checksum and applies it. The arrays live during the call.
void decode_record(const RecordHead& head, const char* bytes, const std::string& name, const StoreOptions& options,
                   const std::function<void(const Record&)>& apply) {
    ByteReader reader(bytes, head.length, name);
    const BodyHead body = read_body_head(reader, name);
    const auto ids = reader.read<Id>(body.slots);
    std::vector<float> keys, values;
    std::vector<std::string> texts;
    const auto change = static_cast<Change>(body.change);
    if (change != Change::remove) {
        keys = reader.read<float>(body.slots, options.key_width);
        values = reader.read<float>(body.slots, options.value_width);
        if (body.has_texts == 1)
            for (const std::uint64_t length : reader.read<std::uint64_t>(body.slots))
                texts.push_back(reader.read_text(length));
    }
    if (!reader.is_empty()) throw damaged(name, "records as long as what they hold", "a longer one");
    const auto view = [&](const std::vector<float>& numbers, Index width) {
        return ConstView{numbers.data(), static_cast<Index>(body.slots), width};
    };
    apply({change, head.version, view(keys, options.key_width), {view(values, options.value_width), texts}, ids});
}

SyncMarker marker_at(std::size_t offset, std::uint64_t version, std::uint64_t generation) {
    SyncMarker marker{{sizeof(SyncMarker) - sizeof(RecordHead), version, 0}, marker_kind, offset, generation};
    marker.head.checksum = checksum_of(marker.head, reinterpret_cast<const char*>(&marker) + sizeof marker.head);
    return marker;
}

// Whether a marker begins at this offset. Its cost is bounded wherever it is called, unlike that of a checksum over a
// length which the log claims.
bool is_marker(const std::string& log, std::size_t offset, std::uint64_t generation) {
    SyncMarker marker{};
    if (log.size() - offset < sizeof marker) return false;
    std::memcpy(&marker, log.data() + offset, sizeof marker);
    if (marker.kind != marker_kind || marker.offset != offset) return false;
    const SyncMarker right = marker_at(offset, marker.head.version, generation);
    return std::memcmp(&marker, &right, sizeof marker) == 0;
}

// Throws Error if a sync marker follows a bad record: sync() promised that the record was on the disk. Without one, a
// kill left the record unfinished, or a power loss left holes. The damage may be to a length, so that a marker may
// begin at any byte.
void require_unsynced(const std::string& log, std::size_t at, std::uint64_t generation, const std::string& name,
                      std::uint64_t version) {
    for (std::size_t offset = at + 1; offset + sizeof(SyncMarker) <= log.size(); ++offset)
        if (is_marker(log, offset, generation))
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
    // Cut off what a kill left unfinished.
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0 || ::lseek(descriptor_, 0, SEEK_END) < 0) {
        const Error error = system_error("cannot write here", path);
        ::close(descriptor_);
        throw error;
    }
}

LogWriter::~LogWriter() { ::close(descriptor_); }

void LogWriter::append(const Record& record) { write(encode_record(record)); }

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
            done += n;
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
    require_whole();  // the system reports a failed flush once, so that a second call would succeed without reason
    if (::fdatasync(descriptor_) != 0) {
        // The system may have dropped pages that it could not write, so that this file can keep no promise any more.
        const Error error = system_error("cannot flush", path_);
        is_broken_ = true;
        throw error;
    }
    if (size_ == marked_) return;
    const SyncMarker marker = marker_at(size_, version, generation_);
    try {
        write({reinterpret_cast<const char*>(&marker), sizeof marker});
        marked_ = size_;
    } catch (const Error&) {
        // The records are on the disk. Without a marker, later damage to them would only be taken for a power loss.
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
                       std::uint64_t version, const std::function<void(const Record&)>& apply) {
    const std::uint64_t generation = log_generation(bytes, name);
    std::size_t at = sizeof(Head);
    for (RecordHead head{}; bytes.size() - at >= sizeof head; at += sizeof head + head.length) {
        std::memcpy(&head, bytes.data() + at, sizeof head);
        if (head.version == version && is_marker(bytes, at, generation)) continue;
        ++version;
        if (head.length > bytes.size() - at - sizeof head || head.length < sizeof(BodyHead) ||
            head.checksum != checksum_of(head, bytes.data() + at + sizeof head)) {
            require_unsynced(bytes, at, generation, name, version);
            break;
        }
        if (head.version != version)
            throw damaged(name, "changes one after the other", "change " + std::to_string(head.version));
        decode_record(head, bytes.data() + at + sizeof head, name, options, apply);
    }
    return at;
}

}  // namespace kvmem::store
