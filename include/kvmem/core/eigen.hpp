// Eigen maps over our matrices, for algebra on what we own.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <Eigen/Core>

namespace kvmem {

using RowMajor = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using EigenMap = Eigen::Map<RowMajor>;
using EigenConstMap = Eigen::Map<const RowMajor>;

inline EigenMap as_eigen(View v) { return {v.data, v.rows, v.cols}; }
inline EigenConstMap as_eigen(ConstView v) { return {v.data, v.rows, v.cols}; }
inline EigenMap as_eigen(Matrix& m) { return as_eigen(m.view()); }

}  // namespace kvmem
