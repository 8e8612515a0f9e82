// Rows of a matrix in another order, or with more behind them. Not installed.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/core/matrix.hpp"

#include <algorithm>
#include <span>

namespace kvmem {

// Row i is rows[i] of the matrix. Throws Error for a row that it does not have.
inline Matrix rows_of(const Matrix& matrix, std::span<const Index> rows) {
    const bool fit = std::ranges::all_of(rows, [&](Index row) { return row >= 0 && row < matrix.rows(); });
    require_shape(fit, "rows_of", "rows of the matrix");
    Matrix chosen(std::ssize(rows), matrix.cols());
    for (Index i = 0; i < chosen.rows(); ++i) std::copy_n(matrix.row(rows[i]), matrix.cols(), chosen.row(i));
    return chosen;
}

// The rows of the matrix, then those of `more`.
inline Matrix joined(const Matrix& matrix, ConstView more) {
    Matrix all(matrix.rows() + more.rows, more.cols);
    std::ranges::copy(more.span(), std::copy_n(matrix.data(), matrix.size(), all.data()));
    return all;
}

}  // namespace kvmem
