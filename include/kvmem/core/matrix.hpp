// Row-major matrices: Matrix owns its numbers, View and ConstView own nothing.
//
// A view is valid for as long as the numbers that it was made of. Reading is safe on several threads, and so is writing
// to different rows. The storage of a Matrix is aligned to a cache line whatever flags a consumer compiles with, which
// an owning Eigen type would not promise. core/eigen.hpp converts to and from Eigen.
#pragma once

#include "kvmem/core/assert.hpp"
#include "kvmem/core/types.hpp"

#include <cstddef>
#include <memory>
#include <ranges>
#include <span>
#include <type_traits>
#include <vector>

namespace kvmem {

// A view of rows × cols numbers that lie one after the other, row by row.
template <class T>
struct BasicView {
    // The first number, and the shape.
    T* data = nullptr;
    Index rows = 0;
    Index cols = 0;

    // The number of numbers.
    [[nodiscard]] Index size() const { return rows * cols; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    // The first number of row i, or the end of the last row for i == rows.
    [[nodiscard]] T* row(Index i) const {
        KVMEM_ASSERT(0 <= i && i <= rows);
        return data + i * cols;
    }
    T& operator()(Index i, Index j) const {
        KVMEM_ASSERT(0 <= i && i < rows && 0 <= j && j < cols);
        return data[i * cols + j];
    }
    [[nodiscard]] std::span<T> span() const { return {data, static_cast<std::size_t>(size())}; }
    // Rows [first, first + count).
    [[nodiscard]] BasicView middle_rows(Index first, Index count) const {
        KVMEM_ASSERT(0 <= first && 0 <= count && first + count <= rows);
        return {data + first * cols, count, cols};
    }

    // A view that cannot change the numbers.
    operator BasicView<const T>() const { return {data, rows, cols}; }
};

// Views of numbers, which a ConstView cannot change.
using View = BasicView<Real>;
using ConstView = BasicView<const Real>;

// Whether rows and columns are equal.
[[nodiscard]] inline bool same_shape(ConstView a, ConstView b) { return a.rows == b.rows && a.cols == b.cols; }

class Matrix {
  public:
    Matrix() = default;
    // Zeros. Pieces of 2 MiB of a large matrix take no memory before they are written to. Throws Error when rows or
    // cols are negative or too large to address.
    Matrix(Index rows, Index cols);
    Matrix(const Matrix& other);
    Matrix(Matrix&& other) noexcept;
    Matrix& operator=(Matrix other) noexcept;
    ~Matrix() = default;

    // The shape, and the numbers, row by row. Pointers are valid until the matrix is moved, assigned to or destroyed.
    [[nodiscard]] Index rows() const { return rows_; }
    [[nodiscard]] Index cols() const { return cols_; }
    [[nodiscard]] Index size() const { return rows_ * cols_; }
    [[nodiscard]] Real* data() { return data_.get(); }
    [[nodiscard]] const Real* data() const { return data_.get(); }
    [[nodiscard]] Real* row(Index i) { return view().row(i); }
    [[nodiscard]] const Real* row(Index i) const { return view().row(i); }
    Real& operator()(Index i, Index j) { return view()(i, j); }
    Real operator()(Index i, Index j) const { return view()(i, j); }

    // Views of all numbers, valid as long as data().
    [[nodiscard]] View view() { return {data(), rows_, cols_}; }
    [[nodiscard]] ConstView view() const { return {data(), rows_, cols_}; }
    operator View() { return view(); }
    operator ConstView() const { return view(); }

    // Sets all numbers to the value.
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

namespace detail {
// The number of rows of `cols` numbers each. Throws Error unless they are whole.
[[nodiscard]] Index whole_rows(std::size_t numbers, Index cols);
}  // namespace detail

// A view of numbers in a vector, an array or a span, in rows of `cols` each. Throws Error unless the rows are whole. A
// temporary that owns its numbers does not compile, because the view would dangle.
template <class Numbers>
requires std::ranges::contiguous_range<Numbers> && std::ranges::borrowed_range<Numbers>
[[nodiscard]] auto view_of(Numbers&& numbers, Index cols) {
    const std::span all(numbers);
    using T = typename decltype(all)::element_type;
    static_assert(std::is_same_v<std::remove_const_t<T>, Real>, "views are of Real");
    return BasicView<T>{all.data(), detail::whole_rows(all.size(), cols), cols};
}

// A copy of nested rows. Throws Error unless all of them have one length.
[[nodiscard]] Matrix matrix_of(const std::vector<std::vector<Real>>& rows);

}  // namespace kvmem
