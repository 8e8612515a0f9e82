#include "kvmem/core/matrix.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace kvmem {

static constexpr std::align_val_t cache_line{64};

static Real* allocate(Index rows, Index cols) {
    constexpr Index most = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(Real));
    if (rows < 0 || cols < 0 || (cols > 0 && rows > most / cols))
        throw Error({.what = "cannot make a matrix",
                     .expected = "a size that can be addressed",
                     .got = std::to_string(rows) + " x " + std::to_string(cols),
                     .where = "Matrix",
                     .hint = {}});
    if (rows * cols == 0) return nullptr;
    return static_cast<Real*>(::operator new(static_cast<std::size_t>(rows * cols) * sizeof(Real), cache_line));
}

void Matrix::Free::operator()(Real* p) const noexcept { ::operator delete(p, cache_line); }

Matrix::Matrix(Index rows, Index cols) : data_(allocate(rows, cols)), rows_(rows), cols_(cols) { fill(0); }

Matrix::Matrix(const Matrix& other)
    : data_(allocate(other.rows_, other.cols_)), rows_(other.rows_), cols_(other.cols_) {
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
