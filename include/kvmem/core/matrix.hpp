// Row-major matrices: Matrix owns its numbers, View and ConstView look at somebody's.
//
// The storage is aligned to a cache line whatever flags a consumer compiles with, which an owning Eigen
// type would not promise. core/eigen.hpp turns any of the three into an Eigen::Map for algebra.
#pragma once

#include "kvmem/core/assert.hpp"
#include "kvmem/core/types.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace kvmem {

// A window on rows × cols numbers that lie one after the other, row by row. Owns nothing.
template <class T>
struct BasicView {
    T* data = nullptr;
    Index rows = 0;
    Index cols = 0;

    Index size() const { return rows * cols; }
    bool empty() const { return size() == 0; }
    // The first number of row i, or the end of the last row for i == rows.
    T* row(Index i) const {
        KVMEM_ASSERT(0 <= i && i <= rows);
        return data + i * cols;
    }
    T& operator()(Index i, Index j) const {
        KVMEM_ASSERT(0 <= i && i < rows && 0 <= j && j < cols);
        return data[i * cols + j];
    }
    std::span<T> span() const { return {data, static_cast<std::size_t>(size())}; }
    // Rows [first, first + count).
    BasicView middle_rows(Index first, Index count) const {
        KVMEM_ASSERT(0 <= first && 0 <= count && first + count <= rows);
        return {data + first * cols, count, cols};
    }

    operator BasicView<const T>() const { return {data, rows, cols}; }
};

using View = BasicView<Real>;
using ConstView = BasicView<const Real>;

class Matrix {
  public:
    Matrix() = default;
    // Zeros; of a large matrix, 2 MiB of rows that nobody writes to take no memory. Throws Error when rows or cols are
    // negative or too large to address.
    Matrix(Index rows, Index cols);
    Matrix(const Matrix& other);
    Matrix(Matrix&& other) noexcept;
    Matrix& operator=(Matrix other) noexcept;
    ~Matrix() = default;

    Index rows() const { return rows_; }
    Index cols() const { return cols_; }
    Index size() const { return rows_ * cols_; }
    Real* data() { return data_.get(); }
    const Real* data() const { return data_.get(); }
    Real* row(Index i) { return view().row(i); }
    const Real* row(Index i) const { return view().row(i); }
    Real& operator()(Index i, Index j) { return view()(i, j); }
    Real operator()(Index i, Index j) const { return view()(i, j); }

    View view() { return {data(), rows_, cols_}; }
    ConstView view() const { return {data(), rows_, cols_}; }
    operator View() { return view(); }
    operator ConstView() const { return view(); }

    void fill(Real value);

  private:
    struct Free {
        std::size_t bytes;
        void operator()(Real* p) const noexcept;
    };
    using Storage = std::unique_ptr<Real[], Free>;
    static Storage allocate(Index rows, Index cols, void* (*memory)(std::size_t bytes));

    Storage data_;
    Index rows_ = 0;
    Index cols_ = 0;
};

}  // namespace kvmem
