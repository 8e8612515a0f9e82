#include "io/hdf5/source.hpp"

#include "io/hdf5/cursor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kvmem::hdf5 {

Source::Source(const std::filesystem::path& path) : name_(path.string()) {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status {};
    const char* reason = nullptr;
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0)
        reason = std::strerror(errno);
    else if (S_ISDIR(status.st_mode))
        reason = std::strerror(EISDIR);
    else if (!S_ISREG(status.st_mode))
        reason = "not a regular file";
    if (reason != nullptr) {
        if (descriptor_ >= 0) ::close(descriptor_);
        throw Error({.what = "cannot read", .got = reason, .where = name_});
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

Source::~Source() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void Source::require(std::uint64_t at, std::uint64_t count) const {
    if (!has(at, count)) throw damaged(name_, "bytes within the file", "an address or size beyond its end");
}

void Source::read(std::uint64_t at, std::span<std::byte> out) const {
    require(at, out.size());
    if (descriptor_ < 0) {
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
        return;
    }
    while (!out.empty()) {
        const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(at));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0)
            throw Error({.what = "cannot read",
                         .got = count < 0 ? std::strerror(errno) : "a file that became shorter",
                         .where = name_});
        at += static_cast<std::uint64_t>(count);
        out = out.subspan(static_cast<std::size_t>(count));
    }
}

std::vector<std::byte> Source::bytes(std::uint64_t at, std::uint64_t count) const {
    require(at, count);
    std::vector<std::byte> bytes(count);
    read(at, bytes);
    return bytes;
}

}  // namespace kvmem::hdf5
