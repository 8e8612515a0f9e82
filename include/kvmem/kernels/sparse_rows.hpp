// SparseRows: a matrix of which only some rows differ from zero, such as the gradient of an embedding table.
//
// It holds the touched rows alone, in the order of their first touch; dense() makes a whole matrix of it. Only one
// thread at a time may touch rows. Several threads may write to rows that were touched before, each to its own.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace kvmem {

class SparseRows {
  public:
    SparseRows() = default;
    // A matrix of this shape without touched rows.
    SparseRows(Index rows, Index cols);

    // The shape of the whole matrix.
    [[nodiscard]] Index rows() const { return static_cast<Index>(place_.size()); }
    [[nodiscard]] Index cols() const { return cols_; }

    // The row, zero when first touched. Valid until another row is touched.
    Real* touch(Index row) {
        const Index before = std::ssize(touched_), at = place_to_write(row);
        Real* to = values() + at * cols_;
        if (at == before) std::fill_n(to, cols_, Real{0});
        return to;
    }
    // Touches the row and returns its place among the touched rows, which is valid until clear() or dense(): the row
    // begins at values() + place * cols(). A row that is touched for the first time has the last place and is
    // uninitialised. The caller must write all of it; after a failure before that, only clear() makes the rows usable
    // again.
    Index place_to_write(Index row) {
        KVMEM_ASSERT(0 <= row && row < rows());
        const Index at = place_[static_cast<std::size_t>(row)];
        return at < 0 ? add(row) : at;
    }
    // The touched rows in the order of their places.
    [[nodiscard]] Real* values() { return values_.data(); }
    [[nodiscard]] const Real* values() const { return values_.data(); }
    [[nodiscard]] const Index* places() const { return place_.data(); }  // of all rows; -1 for an untouched row
    // The row, or null where it is untouched.
    [[nodiscard]] const Real* find(Index row) const;
    // The whole matrix, all of whose rows count as touched. Later touches move nothing.
    View dense();

    // The touched rows in the order of their places; valid until another row is touched.
    [[nodiscard]] std::span<const Index> touched() const { return touched_; }
    void clear();  // all rows are zero and untouched again; the memory stays

  private:
    Index add(Index row);

    std::vector<Index> place_;    // of each row among the touched ones, or -1
    std::vector<Index> touched_;  // rows in the order of their places
    Matrix values_;               // the touched rows in the order of their places, and room for more
    Index cols_ = 0;
    bool dense_ = false;  // every row has been touched and lies in its place
};

}  // namespace kvmem
