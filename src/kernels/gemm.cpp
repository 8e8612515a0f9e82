#include "kvmem/kernels/gemm.hpp"

#include "kvmem/core/eigen.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>

#ifdef KVMEM_HAVE_OPENBLAS
extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}
#endif

namespace kvmem {

static void check(ConstView a, Transpose ta, ConstView b, Transpose tb, ConstView c) {
    const Index inner_a = ta == Transpose::yes ? a.rows : a.cols;
    const Index inner_b = tb == Transpose::yes ? b.cols : b.rows;
    require_shape(inner_a == inner_b && c.rows == (ta == Transpose::yes ? a.cols : a.rows) &&
                      c.cols == (tb == Transpose::yes ? b.rows : b.cols),
                  "gemm", "c [rows of op(a), columns of op(b)] and equal inner sizes");
}

#ifdef KVMEM_HAVE_OPENBLAS
// Row-major c = a b is column-major c' = b' a'.
static void blas_gemm(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    const auto m = static_cast<int>(c.cols), n = static_cast<int>(c.rows);
    const auto k = static_cast<int>(ta == Transpose::yes ? a.rows : a.cols);
    const auto lda = static_cast<int>(b.cols), ldb = static_cast<int>(a.cols), ldc = m;
    const char *op_a = tb == Transpose::yes ? "T" : "N", *op_b = ta == Transpose::yes ? "T" : "N";
    if constexpr (sizeof(Real) == sizeof(float))
        sgemm_(op_a, op_b, &m, &n, &k, (const float*)&alpha, (const float*)b.data, &lda, (const float*)a.data, &ldb,
               (const float*)&beta, (float*)c.data, &ldc);
    else
        dgemm_(op_a, op_b, &m, &n, &k, (const double*)&alpha, (const double*)b.data, &lda, (const double*)a.data, &ldb,
               (const double*)&beta, (double*)c.data, &ldc);
}
#endif

static void eigen_gemm(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    auto out = as_eigen(c);
    const auto x = as_eigen(a);
    const auto y = as_eigen(b);
    if (beta == 0)
        out.setZero();
    else if (beta != 1)
        out *= beta;
    if (ta == Transpose::no && tb == Transpose::no) out.noalias() += alpha * (x * y);
    if (ta == Transpose::no && tb == Transpose::yes) out.noalias() += alpha * (x * y.transpose());
    if (ta == Transpose::yes && tb == Transpose::no) out.noalias() += alpha * (x.transpose() * y);
    if (ta == Transpose::yes && tb == Transpose::yes) out.noalias() += alpha * (x.transpose() * y.transpose());
}

void gemm(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    check(a, ta, b, tb, c);
    if (c.empty()) return;
#ifdef KVMEM_HAVE_OPENBLAS
    constexpr Index int_limit = 0x7fffffff;
    const Index inner = ta == Transpose::yes ? a.rows : a.cols;
    if (inner > 0 && c.size() * inner >= 32 * 32 * 32 &&
        std::max({a.rows, a.cols, b.rows, b.cols, c.rows, c.cols}) < int_limit)
        return blas_gemm(alpha, a, ta, b, tb, beta, c);
#endif
    eigen_gemm(alpha, a, ta, b, tb, beta, c);
}

void naive::gemm(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    const Index inner = ta == Transpose::yes ? a.rows : a.cols;
    for (Index i = 0; i < c.rows; ++i)
        for (Index j = 0; j < c.cols; ++j) {
            double sum = 0;
            for (Index k = 0; k < inner; ++k)
                sum +=
                    double{ta == Transpose::yes ? a(k, i) : a(i, k)} * double{tb == Transpose::yes ? b(j, k) : b(k, j)};
            const double before = beta == 0 ? 0 : double{beta} * double{c(i, j)};
            c(i, j) = static_cast<Real>(double{alpha} * sum + before);
        }
}

}  // namespace kvmem
