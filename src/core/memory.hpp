// Where matrices and arenas have their memory from, and how much there is. Not installed.
#pragma once

#include <cstddef>
#include <filesystem>

namespace kvmem::detail {

// Aligned to a cache line; large pieces lie in huge pages where the system has them, which saves a training step on
// large tables 5 to 10 % (misses of the address cache). Throws std::bad_alloc.
void* allocate(std::size_t bytes);
// The same, zeros; of large pieces, huge pages that nobody writes to take no memory.
void* allocate_zeros(std::size_t bytes);
void release(void* memory, std::size_t bytes) noexcept;

// The most memory that this process may have: the machine's, or less where a control group (of a container, cgroup
// version 1 or 2) or a resource limit says so. `root` is where /proc and /sys are.
std::size_t memory_limit(const std::filesystem::path& root = "/");

// What one file's contents may take: half of memory_limit(). The other half is for what is made of them.
std::size_t half_of_memory();

}  // namespace kvmem::detail
