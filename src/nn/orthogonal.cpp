#include "kvmem/nn/orthogonal.hpp"

#include "nn/orthonormal.hpp"

#include <algorithm>

namespace kvmem {

void orthogonal(View weight, Rng& rng, double gain) {
    const bool wide = weight.rows <= weight.cols;
    Matrix normal(std::min(weight.rows, weight.cols), std::max(weight.rows, weight.cols));
    for (Real& x : normal.view().span()) x = static_cast<Real>(rng.normal());
    const Matrix basis = detail::orthonormal_rows(normal, 0);
    for (Index i = 0; i < weight.rows; ++i)
        for (Index j = 0; j < weight.cols; ++j)
            weight(i, j) = static_cast<Real>(gain * double{wide ? basis(i, j) : basis(j, i)});
}

}  // namespace kvmem
