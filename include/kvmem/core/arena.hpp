// Memory that is handed out piece by piece and taken back all at once.
//
// Kernels take their scratch from one, and a tape its nodes and values. Blocks stay valid until reset(),
// which keeps the memory, so that a loop allocates in its first round only. One thread at a time.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <algorithm>
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
    Arena(Arena&& other) noexcept;
    Arena& operator=(Arena&& other) noexcept;

    // `count` values, uninitialised, aligned to a cache line. No destructor ever runs. Throws Error when the
    // count is negative or too large to address.
    template <class T>
    std::span<T> take(Index count) {
        static_assert(std::is_trivially_destructible_v<T>);
        return {static_cast<T*>(allocate(count, 1, sizeof(T))), static_cast<std::size_t>(count)};
    }
    // A copy of these values: what must outlive the caller's array.
    template <class T>
    std::span<const T> copy(std::span<const T> values) {
        const std::span<T> kept = take<T>(static_cast<Index>(values.size()));
        std::copy(values.begin(), values.end(), kept.begin());
        return kept;
    }
    View matrix(Index rows, Index cols) { return {static_cast<Real*>(allocate(rows, cols, sizeof(Real))), rows, cols}; }

    void reset();
    std::size_t capacity() const;  // bytes held

  private:
    friend class ArenaScope;
    void* allocate(Index rows, Index cols, std::size_t size);

    struct Block;
    std::vector<Block> blocks_;
    std::size_t block_ = 0;  // the one that is being handed out
    std::size_t used_ = 0;   // bytes of it
};

// Gives back at its end what was taken from the arena while it lived.
class ArenaScope {
  public:
    explicit ArenaScope(Arena& arena) : arena_(arena), block_(arena.block_), used_(arena.used_) {}
    ~ArenaScope() {
        arena_.block_ = block_;
        arena_.used_ = used_;
    }
    ArenaScope(const ArenaScope&) = delete;
    ArenaScope& operator=(const ArenaScope&) = delete;

  private:
    Arena& arena_;
    std::size_t block_, used_;
};

}  // namespace kvmem
