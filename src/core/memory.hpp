// The memory of matrices and arenas, and its limit. Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstddef>
#include <filesystem>

namespace kvmem::detail {

// The bytes of rows * cols values of `size` bytes. Throws Error when a number is negative or the bytes are too many to
// address.
[[nodiscard]] std::size_t checked_bytes(Index rows, Index cols, std::size_t size, const char* what, const char* where);

// Memory aligned to a cache line. Large pieces lie in huge pages where the system has them, which saves a training step
// on large tables 5 to 10 % (misses of the address cache). Throws std::bad_alloc.
[[nodiscard]] void* allocate(std::size_t bytes);
// The same as zeros. Huge pages of large pieces take no memory before they are written to.
[[nodiscard]] void* allocate_zeros(std::size_t bytes);
void release(void* memory, std::size_t bytes) noexcept;

// The most memory that this process may have: all of the machine, or less where a control group (cgroup version 1 or 2,
// as of a container) or a resource limit says so. /proc and /sys are under `root`; groups of "/" are read once.
[[nodiscard]] std::size_t memory_limit(const std::filesystem::path& root = "/");

// What the contents of one file may take: half of memory_limit(). The other half is for what is made of them.
[[nodiscard]] std::size_t half_of_memory();

}  // namespace kvmem::detail
