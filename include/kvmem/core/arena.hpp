// Arena: memory that is allocated piece by piece and released all at once.
//
// Kernels take their scratch from an arena, and a tape its nodes and values. Pieces stay valid until reset(), which
// keeps the memory for the next round: a loop allocates in its first round only. An arena serves one thread at a time.
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

    // `count` uninitialised values, aligned to a cache line. Their destructors never run. Throws Error when the count
    // is negative or too large to address.
    template <class T>
    [[nodiscard]] std::span<T> take(Index count) {
        static_assert(std::is_trivially_destructible_v<T>);
        return {static_cast<T*>(allocate(count, 1, sizeof(T))), static_cast<std::size_t>(count)};
    }
    // A copy of these values, which may outlive the caller's array.
    template <class T>
    [[nodiscard]] std::span<const T> copy(std::span<const T> values) {
        const std::span<T> kept = take<T>(static_cast<Index>(values.size()));
        std::copy(values.begin(), values.end(), kept.begin());
        return kept;
    }
    // Uninitialised.
    [[nodiscard]] View matrix(Index rows, Index cols) {
        return {static_cast<Real*>(allocate(rows, cols, sizeof(Real))), rows, cols};
    }

    // Releases all that was taken. The memory stays for later pieces.
    void reset();
    [[nodiscard]] std::size_t capacity() const;  // bytes held

  private:
    friend class ArenaScope;
    void* allocate(Index rows, Index cols, std::size_t size);

    struct Block;
    std::vector<Block> blocks_;
    std::size_t block_ = 0;  // the one that pieces are taken from
    std::size_t used_ = 0;   // bytes of it
};

// Releases at its end what was taken from the arena since its beginning. Scopes must nest.
class ArenaScope {
  public:
    // Remembers where the arena stands. The arena must outlive the scope.
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
