#include "store/files/mapped_file.hpp"

#include "kvmem/core/error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kvmem::store {

static Error cannot_map(const std::string& name, const std::string& reason) {
    return Error({.what = "cannot map", .expected = {}, .got = reason, .where = name, .hint = {}});
}

MappedFile::MappedFile(const std::filesystem::path& path) : name_(path.string()) {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) throw cannot_map(name_, std::strerror(errno));
    struct stat status {};
    void* bytes = MAP_FAILED;
    std::string reason = "not a regular file, or an empty one";
    if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
        bytes = ::mmap(nullptr, status.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
        reason = std::strerror(errno);
    }
    ::close(descriptor);
    if (bytes == MAP_FAILED) throw cannot_map(name_, reason);
    size_ = static_cast<std::uint64_t>(status.st_size);
    device_ = status.st_dev;
    inode_ = status.st_ino;
    bytes_ = {bytes, [size = size_](void* p) { ::munmap(p, size); }};
}

const std::byte* MappedFile::at(std::uint64_t offset, std::uint64_t count) const {
    if (offset > size_ || count > size_ - offset) throw cannot_map(name_, "values beyond the end of the file");
    return static_cast<const std::byte*>(bytes_.get()) + offset;
}

void MappedFile::require_same(const std::filesystem::path& path) const {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || status.st_ino != inode_ || status.st_dev != device_)
        throw Error({.what = "the file was replaced while it was being opened",
                     .expected = {},
                     .got = {},
                     .where = name_,
                     .hint = "open it again"});
}

}  // namespace kvmem::store
