// What the networks of sequences share. Not installed.
#pragma once

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/matrix.hpp"

#include <algorithm>
#include <span>

namespace kvmem {

inline Matrix copy_of(Var x) {
    Matrix matrix(x.rows(), x.cols());
    std::ranges::copy(x.value().span(), matrix.data());
    return matrix;
}

inline Matrix rows_of(const Matrix& matrix, std::span<const Index> rows) {
    Matrix chosen(std::ssize(rows), matrix.cols());
    for (Index i = 0; i < chosen.rows(); ++i) std::copy_n(matrix.row(rows[i]), matrix.cols(), chosen.row(i));
    return chosen;
}

}  // namespace kvmem
