#include "core/memory.hpp"

#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

using kvmem::detail::memory_limit;
using kvmem::test::TemporaryDirectory;

namespace {

// What files of /proc and /sys say, in a directory of their own.
class System {
  public:
    void say(const std::string& file, const std::string& text) const {
        std::filesystem::create_directories((root_.path() / file).parent_path());
        root_.write(file, text);
    }
    std::size_t limit() const { return memory_limit(root_.path()); }

  private:
    TemporaryDirectory root_;
};

}  // namespace

TEST_CASE("without control groups there is as much memory as the machine has", "[memory]") {
    const System system;
    const std::size_t machine = system.limit();
    CHECK(machine > 0);
    CHECK(machine <= static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGE_SIZE)));
    CHECK(memory_limit() <= machine);
    system.say("proc/self/cgroup", "0::/user/group\n");
    system.say("sys/fs/cgroup/user/group/memory.max", "max\n");
    CHECK(system.limit() == machine);
}

TEST_CASE("a control group of version 2 bounds memory, and so do those above it", "[memory]") {
    const System system;
    system.say("proc/self/cgroup", "1:name=systemd:/elsewhere\n0::/user/group\n");
    system.say("sys/fs/cgroup/user/group/memory.max", "3000000\n");
    CHECK(system.limit() == 3'000'000);
    system.say("sys/fs/cgroup/user/memory.max", "2000000\n");
    CHECK(system.limit() == 2'000'000);
    system.say("sys/fs/cgroup/memory.max", "1000000\n");
    CHECK(system.limit() == 1'000'000);
}

TEST_CASE("a control group of version 1 bounds memory, also where a container sees itself as the root", "[memory]") {
    const System system;
    system.say("proc/self/cgroup", "9:name=systemd:/\n4:cpuset,memory:/docker/abc\n1:cpu:/\n");
    system.say("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000000\n");
    CHECK(system.limit() == 5'000'000);
    system.say("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "4000000\n");
    CHECK(system.limit() == 4'000'000);
}
