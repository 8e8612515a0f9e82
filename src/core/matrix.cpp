#include "kvmem/core/matrix.hpp"

#include "core/memory.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

void Matrix::Free::operator()(Real* p) const noexcept { detail::release(p, bytes); }

Matrix::Storage Matrix::allocate(Index rows, Index cols, void* (*memory)(std::size_t bytes)) {
    const std::size_t bytes = detail::checked_bytes(rows, cols, sizeof(Real), "cannot make a matrix", "Matrix");
    return {bytes == 0 ? nullptr : static_cast<Real*>(memory(bytes)), Free{bytes}};
}

Matrix::Matrix(Index rows, Index cols)
    : data_(allocate(rows, cols, detail::allocate_zeros)), rows_(rows), cols_(cols) {}

Matrix::Matrix(const Matrix& other)
    : data_(allocate(other.rows_, other.cols_, detail::allocate)), rows_(other.rows_), cols_(other.cols_) {
    std::copy_n(other.data(), size(), data());
}

Matrix::Matrix(Matrix&& other) noexcept
    : data_(std::move(other.data_)), rows_(std::exchange(other.rows_, 0)), cols_(std::exchange(other.cols_, 0)) {}

Matrix& Matrix::operator=(Matrix other) noexcept {
    std::swap(data_, other.data_);
    std::swap(rows_, other.rows_);
    std::swap(cols_, other.cols_);
    return *this;
}

void Matrix::fill(Real value) { std::fill_n(data(), size(), value); }

Index detail::whole_rows(std::size_t numbers, Index cols) {
    const auto count = static_cast<Index>(numbers);
    require_shape(cols > 0 && count % cols == 0, "view_of", "numbers for whole rows of at least one column");
    return count / cols;
}

Matrix matrix_of(const std::vector<std::vector<Real>>& rows) {
    Matrix all(std::ssize(rows), rows.empty() ? 0 : std::ssize(rows.front()));
    for (Index i = 0; i < all.rows(); ++i) {
        require_shape(std::ssize(rows[i]) == all.cols(), "matrix_of", "rows of one length");
        std::ranges::copy(rows[i], all.row(i));
    }
    return all;
}

}  // namespace kvmem
