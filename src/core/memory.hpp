// Where matrices and arenas have their memory from. Not installed.
#pragma once

#include <cstddef>

namespace kvmem::detail {

// Aligned to a cache line; large pieces lie in huge pages where the system has them, which saves a training step on
// large tables 5 to 10 % (misses of the address cache). Throws std::bad_alloc.
void* allocate(std::size_t bytes);
void release(void* memory, std::size_t bytes) noexcept;

}  // namespace kvmem::detail
