#include "store/files/buffer.hpp"

#include "kvmem/core/error.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace kvmem::store {

std::shared_ptr<void> allocate_zeros(std::size_t bytes) {
    constexpr std::size_t huge_page = std::size_t{1} << 21;
    const auto fail = [bytes]() -> std::shared_ptr<void> {
        throw Error({.what = "out of memory",
                     .expected = {},
                     .got = "a need of " + std::to_string(bytes) + " bytes",
                     .where = "memory store",
                     .hint = {}});
    };
    if (bytes < huge_page / 16) {  // too small to waste the rest of a page on
        const std::size_t rounded = (bytes + 63) / 64 * 64;
        void* small = std::aligned_alloc(64, rounded);
        if (!small) return fail();
        return {std::memset(small, 0, rounded), std::free};
    }
    void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return fail();
    if (bytes >= 4 * huge_page) ::madvise(pages, bytes, MADV_HUGEPAGE);
    return {pages, [bytes](void* p) { ::munmap(p, bytes); }};
}

}  // namespace kvmem::store
