#include "core/memory.hpp"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace kvmem::detail {

static constexpr std::size_t line = 64, huge_page = std::size_t{1} << 21;

static bool is_large(std::size_t bytes) { return bytes >= 2 * huge_page; }
static std::align_val_t alignment_of(std::size_t bytes) { return std::align_val_t{is_large(bytes) ? huge_page : line}; }

void* allocate(std::size_t bytes) {
    void* memory = ::operator new(bytes, alignment_of(bytes));
#if defined(__linux__)
    if (is_large(bytes)) ::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: it does not matter if it fails
#endif
    return memory;
}

void release(void* memory, std::size_t bytes) noexcept { ::operator delete(memory, alignment_of(bytes)); }

}  // namespace kvmem::detail
