// A matrix of which only some rows differ from zero: what the gradient of an embedding table is.
//
// Holds the touched rows alone, in the order of their first touch; turned into a whole matrix by dense().
// One thread at a time touches rows; those that are there may be written by several, each its own.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace kvmem {

class SparseRows {
  public:
    SparseRows() = default;
    SparseRows(Index rows, Index cols);

    Index rows() const { return static_cast<Index>(place_.size()); }
    Index cols() const { return cols_; }

    // The row, zero when first touched. Valid until another row is touched.
    Real* touch(Index row) {
        const Index before = std::ssize(touched_), at = place_to_write(row);
        Real* to = values() + at * cols_;
        if (at == before) std::fill_n(to, cols_, Real{0});
        return to;
    }
    // Its place among the touched rows, which stays valid until clear() or dense(): it begins at values() + place *
    // cols(). One that is first touched, and so the last, holds anything: the caller must write all of it, and after a
    // failure before that only clear() makes the rows usable again.
    Index place_to_write(Index row) {
        KVMEM_ASSERT(0 <= row && row < rows());
        const Index at = place_[static_cast<std::size_t>(row)];
        return at < 0 ? add(row) : at;
    }
    Real* values() { return values_.data(); }
    const Real* values() const { return values_.data(); }
    const Index* places() const { return place_.data(); }  // of all rows, -1 for those not touched
    // The row, or null when it was not touched.
    const Real* find(Index row) const;
    // All rows in their order, touched as a whole; touching any of them afterwards moves nothing.
    View dense();

    std::span<const Index> touched() const { return touched_; }
    void clear();  // zero again; keeps the memory

  private:
    Index add(Index row);

    std::vector<Index> place_;    // of each row among the touched ones, or -1
    std::vector<Index> touched_;  // rows in the order of their places
    Matrix values_;               // of so many rows at least as are touched, in the order of their places
    Index cols_ = 0;
    bool dense_ = false;  // every row has been touched and lies in its place
};

}  // namespace kvmem
