#include "kvmem/core/file.hpp"

#include "core/memory.hpp"
#include "kvmem/core/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace kvmem {

namespace fs = std::filesystem;

static Error file_error(std::string what, const fs::path& path, std::string expected, std::string got,
                        std::string hint = {}) {
    return Error({std::move(what), std::move(expected), std::move(got), path.string(), std::move(hint)});
}
static Error system_error(const std::string& what, const fs::path& path, int code = errno) {
    return file_error(what, path, {}, std::strerror(code));
}

static fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// --- Looking ---------------------------------------------------------------------------------------------

static fs::file_status status_of(const fs::path& path) {
    std::error_code code;
    const fs::file_status status = fs::status(path, code);
    if (status.type() == fs::file_type::none) throw system_error("cannot look for this", path, code.value());
    return status;
}

bool is_there(const fs::path& path) { return fs::exists(status_of(path)); }
bool is_folder(const fs::path& path) { return fs::is_directory(status_of(path)); }

// Whether the open file still has this name.
static bool is_still_at(const fs::path& path, int descriptor) {
    struct stat opened, there;
    return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &there) == 0 && opened.st_ino == there.st_ino &&
           opened.st_dev == there.st_dev;
}

// --- Reading ---------------------------------------------------------------------------------------------

namespace {
struct Descriptor {
    explicit Descriptor(int descriptor) : number(descriptor) {}
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number;
};
}  // namespace

// How many bytes are read at most, and what to do about more: pipes and devices need not have an end, and a file may be
// one large hole.
static std::pair<std::size_t, const char*> read_limit(mode_t mode) {
    if (S_ISCHR(mode) || S_ISBLK(mode)) return {std::size_t{16} << 20, "copy the part that you need to a file"};
    if (S_ISREG(mode))
        return {detail::memory_limit(),
                "this is all memory of the process: split the file, or allow more (machine, control group, ulimit -v)"};
    return {detail::memory_limit() / 4, "a pipe may fill a quarter of the memory: write it to a file first"};
}

// `bytes`, which were read before, and the rest of the file.
static std::string read_all(int descriptor, const fs::path& name, std::string bytes = {}) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) throw system_error("cannot read", name);
    if (S_ISDIR(status.st_mode)) throw system_error("cannot read", name, EISDIR);
    const auto [max_bytes, hint] = read_limit(status.st_mode);
    const auto size = static_cast<std::size_t>(status.st_size);
    std::size_t have = bytes.size();
    if (size <= max_bytes) bytes.resize(have + size + 1);  // one more, to see the end
    // The size is wrong for pipes and for files that grow, so only the end counts.
    for (;;) {
        if (size > max_bytes || have > max_bytes)
            throw file_error("cannot read", name, "an end after " + std::to_string(max_bytes) + " bytes at most",
                             "more", hint);
        if (have == bytes.size()) bytes.resize(bytes.size() + (std::size_t{1} << 16));
        const ssize_t n = ::read(descriptor, bytes.data() + have, bytes.size() - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw system_error("cannot read", name);
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    bytes.resize(have);
    return bytes;
}

// Waits until a process writes to a named pipe, which has no end before, and returns the byte that was read to know it.
static std::string await_writer(int descriptor, const fs::path& name) {
    constexpr int patience = 3000;  // milliseconds
    pollfd pipe{descriptor, POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&pipe, 1, patience);
    while (ready < 0 && errno == EINTR);
    if (ready != 0) return {};
    char byte = 0;
    const ssize_t n = ::read(descriptor, &byte, 1);
    if (n == 0) throw file_error("cannot read", name, {}, "a pipe that nobody writes to");
    return std::string(n > 0 ? 1 : 0, byte);
}

std::string read_file(const fs::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.number < 0) throw system_error("cannot read", path);
    struct stat status {};
    std::string begun;
    if (::fstat(file.number, &status) == 0 && S_ISFIFO(status.st_mode)) begun = await_writer(file.number, path);
    ::fcntl(file.number, F_SETFL, 0);
    return read_all(file.number, path, std::move(begun));
}

std::string read_standard_input() { return read_all(STDIN_FILENO, "stdin"); }

// --- Replacing -------------------------------------------------------------------------------------------

static constexpr const char* temporary_ending = ".kvmem-tmp";

fs::path behind_links(fs::path path) {
    for (int links = 0; links < 40; ++links) {
        std::error_code code;
        const fs::path next = fs::read_symlink(path, code);
        if (code) return path;
        path = path.parent_path() / next;
    }
    throw system_error("cannot follow this link", path, ELOOP);
}

// What a rename must replace: the file behind a link, not the link. Only a plain file, or none, is replaced: a rename
// over /dev/null would remove it for all programs.
static fs::path replaceable_target(const fs::path& path) {
    std::error_code code;
    const fs::file_status status = fs::status(path, code);
    if (fs::is_directory(status)) throw system_error("cannot replace", path, EISDIR);
    fs::path target = behind_links(path);
    const bool device = target != path && target.string().starts_with("/proc/");
    if (device || (fs::exists(status) && !fs::is_regular_file(status)))
        throw file_error("cannot replace", path, "a regular file", {});
    return target;
}

// Gives a new file the permission bits of an old one, and its owners as far as the system allows.
static void take_after(int descriptor, const struct stat& old) {
    mode_t mode = old.st_mode & 07777;
    const uid_t owner = ::geteuid() == 0 ? old.st_uid : static_cast<uid_t>(-1);
    // Where the group differs, its members get the rights of everybody.
    if (::fchown(descriptor, owner, old.st_gid) != 0) mode &= ~mode_t{070} | (mode & 07) << 3;
    ::fchmod(descriptor, mode);
}

namespace {

// A file that is removed in the end, unless it was renamed. Its lock tells others that its process lives.
class TemporaryFile {
  public:
    TemporaryFile(const fs::path& target, const std::optional<struct stat>& old) {
        const std::string stem = target.string() + temporary_ending + std::to_string(::getpid());
        for (int i = 0; i < 1000 && descriptor_ < 0; ++i) {
            path_ = i == 0 ? stem : stem + "-" + std::to_string(i);
            descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, old ? 0600 : 0666);
            if (descriptor_ < 0 && errno != EEXIST) break;
            if (descriptor_ >= 0 && !is_ours()) ::close(std::exchange(descriptor_, -1));
        }
        if (descriptor_ < 0) throw system_error("cannot write here", target);
        if (old) take_after(descriptor_, *old);
    }
    ~TemporaryFile() {
        if (!renamed_) ::unlink(path_.c_str());
        ::close(descriptor_);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) throw system_error("cannot write", path_);
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
    }
    void flush_and_rename(const fs::path& target) {
        if (::fsync(descriptor_) != 0) throw system_error("cannot flush", path_);
        if (::rename(path_.c_str(), target.c_str()) != 0) throw system_error("cannot replace", target);
        renamed_ = true;
    }

  private:
    // Before the lock is taken, a sweep of another process may remove the file. Without locks no process sweeps.
    bool is_ours() const {
        const bool taken = ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        return !taken && is_still_at(path_, descriptor_);
    }

    fs::path path_;
    int descriptor_ = -1;
    bool renamed_ = false;
};

}  // namespace

static bool is_temporary_name(std::string_view name, const std::string& stem) {
    return name.starts_with(stem) && name.size() > stem.size() &&
           name.find_first_not_of("0123456789-", stem.size()) == name.npos;
}

static void remove_unless_locked(const fs::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.number >= 0 && ::flock(file.number, LOCK_EX | LOCK_NB) == 0 && is_still_at(path, file.number))
        ::unlink(path.c_str());
}

static void sweep_beside(const fs::path& target) {
    const std::string stem = target.filename().string() + temporary_ending;
    std::error_code end;  // a folder that cannot be listed is not swept
    for (fs::directory_iterator entry(folder_of(target), end); !end && entry != fs::directory_iterator();
         entry.increment(end))
        if (is_temporary_name(entry->path().filename().string(), stem)) remove_unless_locked(entry->path());
}

void remove_leftovers(const fs::path& path) { sweep_beside(behind_links(path)); }

void replace_file(const fs::path& path, std::span<const std::byte> bytes, const fs::path& like) {
    const fs::path target = replaceable_target(path);
    sweep_beside(target);
    std::optional<struct stat> old(std::in_place);
    if (::stat(target.c_str(), &*old) != 0) {
        if (like.empty() || ::stat(like.c_str(), &*old) != 0)
            old.reset();
        else
            old->st_mode |= S_IWUSR;  // a new file must be writable, whatever the old one is
    }
    {
        TemporaryFile file(target, old);
        file.write(bytes);
        file.flush_and_rename(target);
    }
    // The rename is on disk only after the folder is flushed.
    const Descriptor folder(::open(folder_of(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.number >= 0) ::fsync(folder.number);
}

void replace_file(const fs::path& path, std::string_view text) { replace_file(path, std::as_bytes(std::span(text))); }

void require_writable(const fs::path& path) {
    const fs::path folder = folder_of(replaceable_target(path));
    if (::access(folder.c_str(), W_OK | X_OK) != 0) throw system_error("cannot write here", folder);
}

// --- Locking ---------------------------------------------------------------------------------------------

// Takes the lock; returns the system's error code, or 0. The lock of a killed program may outlive it for a moment: a
// child that it was starting has the descriptor until it runs its own program.
static int lock_soon(int descriptor) {
    constexpr std::chrono::milliseconds patience{500}, pause{5};
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return 0;
        const int code = errno;
        if (code != EWOULDBLOCK || std::chrono::steady_clock::now() >= end) return code;
        std::this_thread::sleep_for(pause);
    }
}

static Error not_locked(const fs::path& path, int code) {
    const bool without_locks = code == ENOLCK || code == EOPNOTSUPP || code == ENOSYS || code == EINVAL;
    return file_error("cannot lock", path, {}, std::strerror(code),
                      without_locks ? "this file system has no locks; write on another" : "");
}

FileLock::FileLock(fs::path path, const fs::path& guarded, const std::string& holder) : path_(std::move(path)) {
    for (;;) {
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor_ < 0) throw system_error("cannot lock", path_);
        if (const int code = lock_soon(descriptor_)) {
            ::close(descriptor_);
            if (code != EWOULDBLOCK) throw not_locked(path_, code);
            throw file_error("in use by " + holder, guarded, {}, {}, "wait for it or choose another");
        }
        if (is_still_at(path_, descriptor_)) return;
        ::close(descriptor_);  // its holder removed the file: lock the next one
    }
}

// The file is removed while it is locked, so that a process that opened it before sees that it is gone.
FileLock::~FileLock() {
    if (is_still_at(path_, descriptor_)) ::unlink(path_.c_str());
    ::close(descriptor_);
}

}  // namespace kvmem
