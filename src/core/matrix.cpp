#include "kvmem/core/matrix.hpp"

#include "core/memory.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace kvmem {

static std::size_t bytes_of(Index rows, Index cols) {
    constexpr Index max_rows_by_cols = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(Real));
    if (rows < 0 || cols < 0 || (cols > 0 && rows > max_rows_by_cols / cols))
        throw Error({.what = "cannot make a matrix",
                     .expected = "a size that can be addressed",
                     .got = std::to_string(rows) + " x " + std::to_string(cols),
                     .where = "Matrix",
                     .hint = {}});
    return static_cast<std::size_t>(rows * cols) * sizeof(Real);
}

void Matrix::Free::operator()(Real* p) const noexcept { detail::release(p, bytes); }

Matrix::Storage Matrix::allocate(Index rows, Index cols, void* (*memory)(std::size_t bytes)) {
    const std::size_t bytes = bytes_of(rows, cols);
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

}  // namespace kvmem
