#include "core/memory.hpp"

#include "kvmem/core/error.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace kvmem::detail {

static constexpr std::size_t line = 64, huge_page = std::size_t{1} << 21;

static bool is_large(std::size_t bytes) { return bytes >= 2 * huge_page; }
// Such pieces come from the system, as zeros page by page. The allocator would get them there as well.
static bool is_mapped(std::size_t bytes) { return bytes >= 32 * huge_page; }
static std::align_val_t alignment_of(std::size_t bytes) { return std::align_val_t{is_large(bytes) ? huge_page : line}; }

#if defined(__linux__)
// Maps whole huge pages.
static void* map(std::size_t bytes) {
    bytes = (bytes + huge_page - 1) / huge_page * huge_page;
    void* all = ::mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) throw std::bad_alloc();
    const auto at = reinterpret_cast<std::uintptr_t>(all);
    const std::size_t before = (huge_page - at % huge_page) % huge_page;
    if (before > 0) ::munmap(all, before);
    void* memory = static_cast<char*>(all) + before;
    ::munmap(static_cast<char*>(memory) + bytes, huge_page - before);
    ::madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}
#endif

std::size_t checked_bytes(Index rows, Index cols, std::size_t size, const char* what, const char* where) {
    const Index max = std::numeric_limits<Index>::max() / 2 / static_cast<Index>(size);
    if (rows < 0 || cols < 0 || (cols > 0 && rows > max / cols))
        throw Error({.what = what,
                     .expected = "a size that can be addressed",
                     .got = std::to_string(rows) + " x " + std::to_string(cols),
                     .where = where});
    return static_cast<std::size_t>(rows * cols) * size;
}

void* allocate(std::size_t bytes) {
#if defined(__linux__)
    if (is_mapped(bytes)) return map(bytes);
#endif
    void* memory = ::operator new(bytes, alignment_of(bytes));
#if defined(__linux__)
    if (is_large(bytes)) ::madvise(memory, bytes, MADV_HUGEPAGE);  // advice: it may fail
#endif
    return memory;
}

void* allocate_zeros(std::size_t bytes) {
    void* memory = allocate(bytes);
#if defined(__linux__)
    if (is_mapped(bytes)) return memory;
#endif
    return std::memset(memory, 0, bytes);
}

void release(void* memory, std::size_t bytes) noexcept {
#if defined(__linux__)
    if (is_mapped(bytes)) {
        ::munmap(memory, (bytes + huge_page - 1) / huge_page * huge_page);
        return;
    }
#endif
    ::operator delete(memory, alignment_of(bytes));
}

// --- The limit -------------------------------------------------------------------------------------------

namespace fs = std::filesystem;

static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

// The number in a file; no_limit without a file, or where it holds a word such as "max".
static std::size_t number_in(const fs::path& file) {
    std::size_t number = no_limit;
    return std::ifstream(file) >> number ? number : no_limit;
}

// The smallest number in files of this name, from a group's folder up to `top`: the groups above bound a group. A
// container sees its own group's folder as `top`, whatever the group's name says.
static std::size_t min_upward(const fs::path& top, fs::path group, const char* name) {
    std::size_t smallest = number_in(top / name);
    for (group = group.relative_path(); !group.empty(); group = group.parent_path())
        smallest = std::min(smallest, number_in(top / group / name));
    return smallest;
}

// Lines of /proc/self/cgroup are "number:controllers:group"; of version 2 "0::group".
static std::size_t group_limit(const fs::path& root) {
    std::size_t smallest = no_limit;
    std::ifstream groups(root / "proc/self/cgroup");
    for (std::string number, controllers, group;
         std::getline(groups, number, ':') && std::getline(groups, controllers, ':') && std::getline(groups, group);) {
        const fs::path folder = root / "sys/fs/cgroup";
        if (controllers.empty()) smallest = std::min(smallest, min_upward(folder, group, "memory.max"));
        if ((',' + controllers + ',').find(",memory,") != std::string::npos)
            smallest = std::min(smallest, min_upward(folder / "memory", group, "memory.limit_in_bytes"));
    }
    return smallest;
}

// Read once: a folder of files asks before each of them.
static std::size_t own_group_limit() {
    static const std::size_t limit = group_limit("/");
    return limit;
}

std::size_t memory_limit(const fs::path& root) {
    const auto machine =
        static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE));
    struct rlimit space {};
    const bool is_bound = ::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY;
    return std::min({machine, is_bound ? static_cast<std::size_t>(space.rlim_cur) : no_limit,
                     root == "/" ? own_group_limit() : group_limit(root)});
}

std::size_t half_of_memory() { return memory_limit() / 2; }

}  // namespace kvmem::detail
