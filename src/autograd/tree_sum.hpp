// Sums as a fixed binary tree. Not installed.
#pragma once

#include "kernels/simd/table.hpp"
#include "kvmem/core/types.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace kvmem {

// The sum of one row over tapes as a binary tree of their places, of which any may be missing. Two places meet at the
// level of the highest bit in which they differ.
class TreeSum {
  public:
    // `scratch` has room for levels(tapes) rows.
    TreeSum(Index cols, Real* scratch) : cols_(cols), scratch_(scratch) {}
    static Index levels(std::size_t tapes) { return std::bit_width(tapes) + 1; }

    void begin(Real* to) {
        to_ = to;
        size_ = 0;
    }
    // Rows are added by rising places. What lies below the level where the new one meets the last is complete.
    void add(std::size_t place, const Real* row) {
        const int level = size_ > 0 ? static_cast<int>(std::bit_width(place ^ last_place_)) : 0;
        while (size_ > 1 && level_[size_ - 1] < level) merge();
        level_[size_] = level;
        sums_[size_++] = row;
        last_place_ = place;
    }
    // At least one row was added.
    void finish() {
        while (size_ > 1) merge();
        if (sums_[0] != to_) std::copy_n(sums_[0], cols_, to_);
    }

  private:
    // The last two sums become one, in the place of the first of them.
    void merge() {
        const Real* right = sums_[--size_];
        const Real* left = sums_[size_ - 1];
        Real* const to = size_ == 1 ? to_ : scratch_ + (size_ - 1) * cols_;
        if (left == to)
            detail::simd().add_scaled(1, right, to, cols_);
        else
            for (Index j = 0; j < cols_; ++j) to[j] = left[j] + right[j];
        sums_[size_ - 1] = to;
    }

    Index cols_;
    Real *scratch_, *to_ = nullptr;
    const Real* sums_[65];  // a row itself, or a sum in `to` or in the scratch row of its depth
    int level_[65];         // where the sum meets the one before
    int size_ = 0;
    std::size_t last_place_ = 0;
};

}  // namespace kvmem
