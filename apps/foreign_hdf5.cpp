#include "foreign_hdf5.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kvmem::apps {

static constexpr std::uint64_t max_text = std::uint64_t{16} << 20;

static Error unreadable(const std::filesystem::path& path, const std::string& what, const std::string& expected,
                        const std::string& got, const std::string& hint = {}) {
    return Error({.what = what, .expected = expected, .got = got, .where = path.string(), .hint = hint});
}

// Starts this program again. Its standard output is the pipe's end `out`.
static pid_t start(std::vector<std::string> command, int out) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char*> arguments;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    pid_t process = -1;
    const int code = ::posix_spawn(&process, "/proc/self/exe", &files, nullptr, arguments.data(), ::environ);
    posix_spawn_file_actions_destroy(&files);
    if (code != 0) throw Error({.what = "cannot start a process", .got = std::strerror(code), .where = "kvmem"});
    return process;
}

ForeignFile::ForeignFile(std::filesystem::path path, const std::string& dataset)
    : path_(std::move(path)),
      left_(static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
            static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 2) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw Error({.what = "cannot make a pipe", .got = std::strerror(errno), .where = "kvmem"});
    pipe_ = ends[0];
    try {
        process_ = start({"kvmem", foreign_reader_verb, path_.string(), dataset}, ends[1]);
    } catch (...) {
        ::close(ends[0]);
        ::close(ends[1]);
        throw;
    }
    ::close(ends[1]);
}

ForeignFile::~ForeignFile() {
    ::close(pipe_);
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void ForeignFile::fail_early() {
    ::kill(process_, SIGKILL);  // unless it has ended
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    std::string got = "an end before the last value";
    if (WIFSIGNALED(status)) got = "a crash: " + std::string(::strsignal(WTERMSIG(status)));
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL)) got = "no end of it";
    throw unreadable(path_, "the HDF5 library cannot read this file", {}, got,
                     "the file is damaged, or was made to do this");
}

void ForeignFile::receive(std::span<std::byte> out) {
    constexpr int patience = 60'000;  // milliseconds in which nothing comes; the process has limits of its own, too
    while (!out.empty()) {
        pollfd ready{pipe_, POLLIN, 0};
        const int events = ::poll(&ready, 1, patience);
        if (events < 0 && errno == EINTR) continue;
        const ssize_t count = events > 0 ? ::read(pipe_, out.data(), out.size()) : 0;
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) fail_early();
        out = out.subspan(static_cast<std::size_t>(count));
    }
}

std::uint64_t ForeignFile::number() {
    std::uint64_t value = 0;
    receive(std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

std::string ForeignFile::text() {
    const std::uint64_t size = number();
    if (size > max_text || size > left_)
        throw unreadable(path_, "this file cannot be read", "texts of at most 16 MiB, and memory for all", "more");
    left_ -= size;
    std::string text(size, '\0');
    receive(std::as_writable_bytes(std::span(text)));
    return text;
}

void ForeignFile::throw_sent_error() {
    const std::string what = text(), expected = text(), got = text();
    throw unreadable(path_, what, expected, got);
}

Part ForeignFile::next() {
    char part = 0;
    receive(std::as_writable_bytes(std::span(&part, 1)));
    if (static_cast<Part>(part) == Part::error) throw_sent_error();
    return static_cast<Part>(part);
}

ForeignType ForeignFile::type() {
    char type = 0;
    receive(std::as_writable_bytes(std::span(&type, 1)));
    if (type < 0 || type > static_cast<char>(ForeignType::float32)) fail_early();
    return static_cast<ForeignType>(type);
}

std::vector<Index> ForeignFile::shape(ForeignType type) {
    static constexpr std::uint64_t sizes[] = {4, 8, 1, 8, 4};
    const std::uint64_t rank = number();
    const bool fits_both = type == ForeignType::int64;
    if (rank < 1 || rank > 2 || (!fits_both && (rank == 2) != (type == ForeignType::float32))) fail_early();
    std::vector<Index> shape;
    std::uint64_t bytes = sizes[static_cast<int>(type)];
    for (std::uint64_t i = 0; i < rank; ++i) {
        const std::uint64_t extent = number();
        if (extent > left_ || (extent > 0 && bytes > left_ / extent))
            throw unreadable(path_, "this file takes more memory than there is for it",
                             "at most " + std::to_string(left_) + " bytes", "more");
        bytes *= extent;
        shape.push_back(static_cast<Index>(extent));
    }
    left_ -= bytes;
    return shape;
}

void ForeignFile::values(std::span<std::byte> out) {
    while (!out.empty()) {
        const std::uint64_t size = number();
        if (size == no_slab) throw_sent_error();
        if (size == 0 || size > out.size()) fail_early();
        receive(out.first(size));
        out = out.subspan(size);
    }
}

VectorFile read_any_vectors(const std::filesystem::path& path, const std::string& dataset) {
    try {
        return read_vectors(path, dataset);
    } catch (const hdf5::ForeignLayout&) {
        if (dataset.empty()) throw;
    }
    ForeignFile file(path, dataset);
    file.next();
    file.text();
    const std::vector<Index> shape = file.shape(file.type());
    if (shape.size() != 2 || (shape[0] > 0 && shape[1] == 0))
        throw unreadable(path, "these vectors cannot be read", "two dimensions, and numbers in each row", "others");
    Matrix vectors(shape[0], shape[1]);
    file.values(std::as_writable_bytes(vectors.view().span()));
    file.next();
    return {std::move(vectors), {}};
}

}  // namespace kvmem::apps
