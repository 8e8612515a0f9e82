// Software prefetching to the second-level cache. Not installed.
//
// Everything is always inlined, because the code of one instruction set must not serve another.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>

namespace kvmem::detail {

// Prefetches a row that is used soon. It pays for rows in an order that no hardware prefetcher foresees.
[[gnu::always_inline]] inline void prefetch_row(const Real* row, Index width) {
    constexpr Index line = 64 / static_cast<Index>(sizeof(Real));
    for (Index k = 0; k < width; k += line) __builtin_prefetch(row + k, 0, 2);
}

// Prefetches rows line by line between multiplications, so that the memory works while the processor computes. Many
// prefetches at once would fill the buffers that the loop's own misses need.
class Prefetcher {
  public:
    static constexpr bool prefetches = true;

    // Adds `count` rows of `bytes`, `step` bytes apart. Ranges beyond max_ranges are dropped.
    [[gnu::always_inline]] void add(const void* rows, Index count, Index bytes, Index step) {
        if (!rows || count <= 0 || bytes <= 0 || size_ == max_ranges) return;
        ranges_[size_++] = {reinterpret_cast<std::uintptr_t>(rows), static_cast<std::uintptr_t>(bytes),
                            static_cast<std::uintptr_t>(step), count};
        lines_ += count * (bytes / static_cast<Index>(line) + 1);
        if (size_ == 1) start();
    }
    // Adds rows [first, end) of a matrix whose rows are `row` numbers apart, at most `max_rows` of them. Null adds
    // none.
    [[gnu::always_inline]] void add(const Real* rows, Index row, Index width, Index first, Index end, Index max_rows) {
        constexpr Index size = sizeof(Real);
        if (!rows || first >= end) return;
        add(rows + first * row, end - first < max_rows ? end - first : max_rows, width * size, row * size);
    }
    // The i-th of n parts of the rows of each range.
    [[gnu::always_inline]] Prefetcher share(Index i, Index n) const {
        Prefetcher part;
        for (int r = 0; r < size_; ++r) {
            const Range& range = ranges_[r];
            const Index from = range.count * i / n, to = range.count * (i + 1) / n;
            part.add(reinterpret_cast<const void*>(range.first + static_cast<std::uintptr_t>(from) * range.step),
                     to - from, static_cast<Index>(range.bytes), static_cast<Index>(range.step));
        }
        return part;
    }
    // Spreads all lines over the next `calls` calls of issue().
    [[gnu::always_inline]] void pace(Index calls) { lines_per_call_ = lines_ / (calls > 0 ? calls : 1) + 1; }

    [[gnu::always_inline]] void issue() {
        for (Index i = 0; i < lines_per_call_ && at_ < end_; ++i) {
            __builtin_prefetch(reinterpret_cast<const void*>(at_), 0, 2);
            at_ += line;
            if (at_ >= end_) next_row();
        }
    }

  private:
    struct Range {
        std::uintptr_t first, bytes, step;
        Index count;
    };
    static constexpr int max_ranges = 16;
    static constexpr std::uintptr_t line = 64;

    [[gnu::always_inline]] void start() {
        at_ = ranges_[now_].first / line * line;
        end_ = ranges_[now_].first + ranges_[now_].bytes;
    }
    [[gnu::always_inline]] void next_row() {
        Range& range = ranges_[now_];
        range.first += range.step;
        if (--range.count == 0 && ++now_ == size_) return;
        start();
    }

    std::uintptr_t at_ = 0, end_ = 0;
    Index lines_ = 0, lines_per_call_ = 0;
    int size_ = 0, now_ = 0;
    Range ranges_[max_ranges];
};

}  // namespace kvmem::detail
