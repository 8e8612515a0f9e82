// To and from Eigen, whose matrices stay column-major by default: ours are row-major.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/core/matrix.hpp"

#include <Eigen/Core>

#include <concepts>

namespace kvmem {

// Eigen's matrix in the order of ours, and its maps.
using RowMajor = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using EigenMap = Eigen::Map<RowMajor>;
using EigenConstMap = Eigen::Map<const RowMajor>;

// Maps of our numbers, without a copy. They are valid for as long as the numbers.
[[nodiscard]] inline EigenMap as_eigen(View v) { return {v.data, v.rows, v.cols}; }
[[nodiscard]] inline EigenConstMap as_eigen(ConstView v) { return {v.data, v.rows, v.cols}; }
[[nodiscard]] inline EigenMap as_eigen(Matrix& m) { return as_eigen(m.view()); }

// A view of a row-major matrix, map, block or Eigen::Ref, without a copy. Throws Error unless its rows lie one after
// the other (outerStride() == cols()). A temporary that owns its numbers does not compile, because the view would
// dangle.
template <class M, class Plain = std::remove_cvref_t<M>>
requires std::derived_from<Plain, Eigen::DenseBase<Plain>>
[[nodiscard]] auto view_of(M&& m) {
    static_assert(Plain::IsRowMajor, "views are row-major: copy other matrices with matrix_of()");
    static_assert(std::is_lvalue_reference_v<M> || !std::derived_from<Plain, Eigen::PlainObjectBase<Plain>>,
                  "a view of a temporary would dangle");
    require_shape(m.innerStride() == 1 && (m.rows() <= 1 || m.outerStride() == m.cols()), "view_of",
                  "rows that lie one after the other; matrix_of() copies other matrices");
    return BasicView<std::remove_pointer_t<decltype(m.data())>>{m.data(), m.rows(), m.cols()};
}

// A copy of any matrix expression of Eigen's.
template <class Derived>
[[nodiscard]] Matrix matrix_of(const Eigen::MatrixBase<Derived>& m) {
    Matrix copy(m.rows(), m.cols());
    as_eigen(copy) = m;
    return copy;
}

}  // namespace kvmem
