#include "kvmem/core/file.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

using namespace kvmem;
namespace fs = std::filesystem;

namespace {
// A directory of the test's own that goes when the test does.
struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "kvmem-file-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() {
        std::error_code code;
        fs::permissions(path, fs::perms::owner_all, code);
        fs::remove_all(path, code);
    }
    auto files() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};
}  // namespace

TEST_CASE("a file is read whole, whatever bytes it holds", "[file]") {
    const Folder folder;
    const fs::path path = folder.path / "f";
    for (const std::size_t size : {0, 1, 65535, 65536, 65537, 300000}) {
        std::string bytes(size, '\0');
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7);
        replace_file(path, bytes);
        REQUIRE(read_file(path) == bytes);
    }
    CHECK(!read_file("/proc/self/status").empty());  // its size is said to be 0
}

TEST_CASE("what cannot be read is an error with the system's reason", "[file]") {
    const Folder folder;
    CHECK_THROWS_WITH(read_file(folder.path / "none"), Catch::Contains("none: cannot read: got No such file"));
    CHECK_THROWS_WITH(read_file(folder.path), Catch::Contains("Is a directory"));
}

TEST_CASE("replacing a file leaves the new one and nothing beside it", "[file]") {
    const Folder folder;
    const fs::path path = folder.path / "f";
    replace_file(path, "old");
    // A reader that has the old file open keeps it: the new one took its name, not its place.
    std::ifstream reader(path);
    replace_file(path, "new");
    std::string seen;
    reader >> seen;
    CHECK(seen == "old");
    CHECK(read_file(path) == "new");
    CHECK(folder.files() == 1);
    CHECK_NOTHROW(require_writable(path));
}

TEST_CASE("what a killed process left beside a file goes, and what a living one writes stays", "[file]") {
    const Folder folder;
    const fs::path path = folder.path / "f";
    const std::string left = path.string() + ".kvmem-tmp";
    for (const std::string& number : {std::to_string(::getpid()), std::string("12"), std::string("12-1")})
        std::ofstream(left + number) << "left";
    std::ofstream(left + "7.txt") << "another's";
    std::ofstream(folder.path / "g.kvmem-tmp7") << "another file's";
    const int living = ::open((left + "13").c_str(), O_WRONLY | O_CREAT, 0600);
    REQUIRE(::flock(living, LOCK_EX) == 0);
    SECTION("when the file is replaced") {
        replace_file(path, "new");
        CHECK(read_file(path) == "new");
    }
    SECTION("when that is asked for") {
        replace_file(folder.path / "h", "new");
        remove_leftovers(path);
    }
    CHECK(folder.files() == 4);
    CHECK(fs::exists(left + "13"));
    ::close(living);
}

static mode_t mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

TEST_CASE("a file that is replaced keeps its permissions, and a new one follows the umask", "[file]") {
    const Folder folder;
    const fs::path path = folder.path / "f";
    const mode_t before = ::umask(027);
    replace_file(path, "new");
    CHECK(mode_of(path) == 0640);
    for (const mode_t mode : {0600, 0664, 0400}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        replace_file(path, "newer");
        CHECK(mode_of(path) == mode);
    }
    ::umask(0);
    replace_file(folder.path / "g", std::as_bytes(std::span("x")), path);
    CHECK(mode_of(folder.path / "g") == 0600);  // as the file that it belongs to, and to be written to
    replace_file(folder.path / "h", std::as_bytes(std::span("x")), folder.path / "none");
    CHECK(mode_of(folder.path / "h") == 0666);
    ::umask(before);
}

TEST_CASE("a file that is replaced keeps its owner where the system lets it", "[file]") {
    if (::geteuid() != 0) {
        WARN("only root may give files away");
        return;
    }
    const Folder folder;
    const fs::path path = folder.path / "f";
    replace_file(path, "old");
    REQUIRE(::chown(path.c_str(), 1234, 4321) == 0);
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    replace_file(path, "new");
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK(status.st_uid == 1234);
    CHECK(status.st_gid == 4321);
    CHECK(mode_of(path) == 0640);
}

TEST_CASE("a pipe is read to its end, and neither a device nor a pipe without one for ever", "[file]") {
    const Folder folder;
    const fs::path pipe = folder.path / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::thread writer([&] { std::ofstream(pipe) << "written"; });
    CHECK(read_file(pipe) == "written");
    writer.join();
    CHECK(read_file("/dev/null").empty());
    CHECK_THROWS_WITH(read_file("/dev/zero"), Catch::Contains("/dev/zero") && Catch::Contains("16777216 bytes"));
    CHECK_THROWS_WITH(read_file("/dev/zero"), Catch::Contains("copy the part that you need"));
    std::ofstream(folder.path / "hole") << "x";
    std::error_code without_holes;
    fs::resize_file(folder.path / "hole", std::uintmax_t{1} << 43, without_holes);
    if (!without_holes)
        CHECK_THROWS_WITH(read_file(folder.path / "hole"),
                          Catch::Contains("hole: cannot read") && Catch::Contains("split the file, or allow more"));
    CHECK_THROWS_WITH(read_file(pipe), Catch::Contains("a pipe that nobody writes to"));
}

TEST_CASE("whether something is there is told or is an error", "[file]") {
    const Folder folder;
    replace_file(folder.path / "f", "x");
    CHECK(is_there(folder.path / "f"));
    CHECK_FALSE(is_folder(folder.path / "f"));
    CHECK(is_folder(folder.path));
    CHECK_FALSE(is_there(folder.path / "none"));
    CHECK_FALSE(is_there(folder.path / "f" / "g"));
    CHECK_THROWS_AS(is_there(folder.path / std::string(300, 'x')), Error);
    fs::create_symlink("circle", folder.path / "circle");
    CHECK_THROWS_AS(is_folder(folder.path / "circle"), Error);
    CHECK_THROWS_AS(replace_file(folder.path / "circle", "x"), Error);
}

TEST_CASE("a failed replacement changes nothing and leaves nothing behind", "[file]") {
    const Folder folder;
    const fs::path path = folder.path / "f";
    SECTION("a directory is in the way") {
        fs::create_directory(path);
        CHECK_THROWS_AS(replace_file(path, "x"), Error);
        CHECK_THROWS_AS(require_writable(path), Error);
        CHECK(fs::is_directory(path));
        CHECK(folder.files() == 1);
    }
    SECTION("the folder does not exist") {
        CHECK_THROWS_WITH(replace_file(folder.path / "none" / "f", "x"), Catch::Contains("No such file"));
        CHECK_THROWS_AS(require_writable(folder.path / "none" / "f"), Error);
        CHECK(folder.files() == 0);
    }
    SECTION("a part of the path is a file, or the name is too long") {
        replace_file(path, "old");
        CHECK_THROWS_AS(replace_file(path / "g", "x"), Error);
        CHECK_THROWS_AS(require_writable(path / "g"), Error);
        CHECK_THROWS_AS(replace_file(folder.path / std::string(300, 'x'), "x"), Error);
        CHECK(read_file(path) == "old");
        CHECK(folder.files() == 1);
    }
    SECTION("it is a pipe or a device") {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        CHECK_THROWS_WITH(replace_file(path, "x"), Catch::Contains("expected a regular file"));
        CHECK_THROWS_AS(require_writable(path), Error);
        CHECK_THROWS_AS(require_writable("/dev/null"), Error);
        CHECK(fs::is_fifo(path));
        CHECK(folder.files() == 1);
    }
}

// What `work` returns, run in another process.
template <class Work>
static int in_child(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = work();
        } catch (...) {
        }
        ::_exit(code);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("a lock keeps a second process out until it goes", "[file]") {
    const Folder folder;
    const fs::path path = folder.path / "lock";
    const auto try_it = [&] {
        try {
            const FileLock second(path, "guarded", "another run");
            return 0;
        } catch (const Error& error) {
            return std::string(error.what()).find("guarded: in use by another run") != std::string::npos ? 1 : 2;
        }
    };
    {
        const FileLock first(path, "guarded", "a run");
        CHECK(in_child(try_it) == 1);
        CHECK(try_it() == 1);
    }
    CHECK(in_child(try_it) == 0);
    // A process that dies with the lock held gives it back.
    CHECK(in_child([&] {
              new FileLock(path, "guarded", "the dead");
              return 7;
          }) == 7);
    CHECK(fs::exists(path));
    CHECK(try_it() == 0);
    CHECK_FALSE(fs::exists(path));  // the lock's file went with it
    CHECK_THROWS_WITH(FileLock(folder.path / "none" / "lock", "guarded", "x"), Catch::Contains("cannot lock"));
}

TEST_CASE("a lock is waited for while a child of the one that held it is about to go", "[file]") {
    const Folder folder;
    const fs::path path = folder.path / "lock";
    pid_t child = 0;
    {
        const FileLock first(path, "guarded", "a run");
        child = ::fork();
        if (child == 0) {
            ::usleep(50'000);
            ::_exit(0);
        }
    }
    CHECK_NOTHROW(FileLock(path, "guarded", "the child"));
    CHECK(::waitpid(child, nullptr, 0) == child);
}

TEST_CASE("of a symbolic link the file behind it is replaced, and the link stays", "[file]") {
    const Folder folder;
    replace_file(folder.path / "target", "old");
    fs::create_symlink("target", folder.path / "link");
    replace_file(folder.path / "link", "new");
    CHECK(fs::is_symlink(folder.path / "link"));
    CHECK(read_file(folder.path / "target") == "new");
    CHECK(folder.files() == 2);
    fs::create_directory(folder.path / "sub");
    fs::create_symlink("../made", folder.path / "sub" / "dangling");
    fs::create_symlink("sub/dangling", folder.path / "chain");
    replace_file(folder.path / "chain", "made");
    CHECK(fs::is_symlink(folder.path / "sub" / "dangling"));
    CHECK(read_file(folder.path / "made") == "made");
    fs::create_symlink("/dev/null", folder.path / "device");
    CHECK_THROWS_AS(replace_file(folder.path / "device", "x"), Error);
    CHECK(fs::is_symlink(folder.path / "device"));
}
