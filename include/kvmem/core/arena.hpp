// Memory that is handed out piece by piece and taken back all at once.
//
// Kernels take their scratch from one, and a tape its nodes and values. Blocks stay valid until reset(),
// which keeps the memory, so that a loop allocates in its first round only. One thread at a time.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace kvmem {

class Arena {
  public:
    Arena();
    ~Arena();
    Arena(Arena&&) noexcept;
    Arena& operator=(Arena&&) noexcept;

    // Uninitialised, aligned to a cache line.
    void* allocate(std::size_t bytes);

    // `count` values, uninitialised. No destructor ever runs.
    template <class T>
    std::span<T> take(Index count) {
        static_assert(std::is_trivially_destructible_v<T>);
        const auto n = static_cast<std::size_t>(count);
        return {static_cast<T*>(allocate(n * sizeof(T))), n};
    }
    View matrix(Index rows, Index cols) { return {take<Real>(rows * cols).data(), rows, cols}; }

    void reset();
    std::size_t capacity() const;  // bytes held

  private:
    struct Block;
    std::vector<Block> blocks_;
    std::size_t block_ = 0;  // the one that is being handed out
    std::size_t used_ = 0;   // bytes of it
};

}  // namespace kvmem
