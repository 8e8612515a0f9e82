#include "kvmem/core/arena.hpp"

#include "core/memory.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

static constexpr std::size_t line = 64;
static constexpr std::size_t first_block = std::size_t{1} << 16;

struct Arena::Block {
    struct Free {
        std::size_t bytes;
        void operator()(std::byte* p) const noexcept { detail::release(p, bytes); }
    };
    explicit Block(std::size_t bytes) : data(static_cast<std::byte*>(detail::allocate(bytes)), {bytes}), size(bytes) {}
    std::unique_ptr<std::byte, Free> data;
    std::size_t size;
};

Arena::Arena() = default;
Arena::~Arena() = default;

Arena::Arena(Arena&& other) noexcept
    : blocks_(std::exchange(other.blocks_, {})),
      block_(std::exchange(other.block_, 0)),
      used_(std::exchange(other.used_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
    std::swap(blocks_, other.blocks_);
    std::swap(block_, other.block_);
    std::swap(used_, other.used_);
    return *this;
}

void* Arena::allocate(Index rows, Index cols, std::size_t size) {
    std::size_t bytes = detail::checked_bytes(rows, cols, size, "cannot take memory", "Arena");
    bytes = (std::max<std::size_t>(bytes, 1) + line - 1) / line * line;
    while (block_ < blocks_.size() && blocks_[block_].size - used_ < bytes) {
        ++block_;
        used_ = 0;
    }
    // Blocks double, so that their number stays small.
    if (block_ == blocks_.size())
        blocks_.emplace_back(std::max(bytes, blocks_.empty() ? first_block : 2 * blocks_.back().size));
    std::byte* at = blocks_[block_].data.get() + used_;
    used_ += bytes;
    return at;
}

void Arena::reset() {
    block_ = 0;
    used_ = 0;
    // Several blocks become one, which holds the whole next round.
    if (blocks_.size() > 1) {
        const std::size_t all = capacity();
        blocks_.clear();
        blocks_.emplace_back(all);
    }
}

std::size_t Arena::capacity() const {
    std::size_t all = 0;
    for (const Block& block : blocks_) all += block.size;
    return all;
}

}  // namespace kvmem
