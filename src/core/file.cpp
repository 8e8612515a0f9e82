#include "kvmem/core/file.hpp"

#include "kvmem/core/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include <chrono>
#include <thread>
#include <utility>

namespace kvmem {

namespace fs = std::filesystem;

static Error system_error(const std::string& what, const fs::path& path, int code = errno) {
    return Error({.what = what, .expected = {}, .got = std::strerror(code), .where = path.string(), .hint = {}});
}

namespace {

// Closes and, unless it was kept, removes a file when it goes.
class TemporaryFile {
  public:
    explicit TemporaryFile(const fs::path& target) {
        // A killed process may have left a name behind, and process numbers come again: count on.
        const std::string stem = target.string() + ".tmp" + std::to_string(::getpid());
        for (int i = 0; i < 1000 && descriptor_ < 0; ++i) {
            path_ = i == 0 ? stem : stem + "-" + std::to_string(i);
            descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
            if (descriptor_ < 0 && errno != EEXIST) break;
        }
        if (descriptor_ < 0) throw system_error("cannot write here", target);
    }
    ~TemporaryFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
        if (!kept_) ::unlink(path_.c_str());
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
        if (::close(std::exchange(descriptor_, -1)) != 0) throw system_error("cannot close", path_);
        if (::rename(path_.c_str(), target.c_str()) != 0) throw system_error("cannot replace", target);
        kept_ = true;
    }

  private:
    fs::path path_;
    int descriptor_ = -1;
    bool kept_ = false;
};

}  // namespace

// What a rename must replace: the file that a chain of symbolic links ends at, not the link. Only what is nothing
// yet or a plain file is replaced: a rename over /dev/null would take it away from all.
static fs::path replaceable_target(const fs::path& path) {
    std::error_code code;
    const fs::file_status status = fs::status(path, code);
    if (fs::is_directory(status)) throw system_error("cannot replace", path, EISDIR);
    const bool link = fs::is_symlink(path, code);
    const fs::path target = link ? fs::weakly_canonical(path, code) : path;
    const bool device = link && target.string().starts_with("/proc/");
    if (device || (fs::exists(status) && !fs::is_regular_file(status)))
        throw Error(
            {.what = "cannot replace", .expected = "a regular file", .got = {}, .where = path.string(), .hint = {}});
    return link && code ? path : target;
}

static fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

std::string read_file(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw system_error("cannot read", path);
    struct Close {
        int descriptor;
        ~Close() { ::close(descriptor); }
    } close{descriptor};
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) throw system_error("cannot read", path);
    if (S_ISDIR(status.st_mode)) throw system_error("cannot read", path, EISDIR);
    std::string bytes(static_cast<std::size_t>(status.st_size) + 1, '\0');  // one more, to see the end
    std::size_t have = 0;
    // Sizes lie for pipes and for files that grow: read until the end.
    for (;;) {
        if (have == bytes.size()) bytes.resize(bytes.size() + (std::size_t{1} << 16));
        const ssize_t n = ::read(descriptor, bytes.data() + have, bytes.size() - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw system_error("cannot read", path);
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    bytes.resize(have);
    return bytes;
}

void replace_file(const fs::path& path, std::span<const std::byte> bytes) {
    const fs::path target = replaceable_target(path);
    TemporaryFile file(target);
    file.write(bytes);
    file.flush_and_rename(target);
    // The rename itself is on disk only when the folder is.
    const int folder = ::open(folder_of(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        ::fsync(folder);
        ::close(folder);
    }
}

void replace_file(const fs::path& path, std::string_view text) { replace_file(path, std::as_bytes(std::span(text))); }

void require_writable(const fs::path& path) {
    const fs::path folder = folder_of(replaceable_target(path));
    if (::access(folder.c_str(), W_OK | X_OK) != 0) throw system_error("cannot write here", folder);
}

// Whether what was opened still has this name.
static bool is_still_at(const fs::path& path, int descriptor) {
    struct stat opened, there;
    return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &there) == 0 && opened.st_ino == there.st_ino &&
           opened.st_dev == there.st_dev;
}

// Takes the lock; returns the system's error code, or 0. A program of somebody's that was killed with a lock may hold
// it for a moment longer: a child that it was about to start has the descriptor until it runs its own program.
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

FileLock::FileLock(const fs::path& path, const std::string& holder) {
    for (;;) {
        descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (descriptor_ < 0) throw system_error("cannot lock", path);
        if (const int code = lock_soon(descriptor_)) {
            ::close(descriptor_);
            if (code != EWOULDBLOCK) throw system_error("cannot lock", path, code);
            throw Error({.what = "in use by " + holder,
                         .expected = {},
                         .got = {},
                         .where = folder_of(path).string(),
                         .hint = "wait for it or choose another directory"});
        }
        if (is_still_at(path, descriptor_)) return;
        ::close(descriptor_);  // its holder removed it: the next one locks another
    }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace kvmem
