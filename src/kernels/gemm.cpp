#include "kvmem/kernels/gemm.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <mutex>

#ifdef KVMEM_HAVE_OPENBLAS
extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}
#else
#include "kvmem/core/eigen.hpp"
#endif

namespace kvmem {

static void check(ConstView a, Transpose ta, ConstView b, Transpose tb, ConstView c) {
    const Index inner_a = ta == Transpose::yes ? a.rows : a.cols;
    const Index inner_b = tb == Transpose::yes ? b.cols : b.rows;
    require_shape(inner_a == inner_b && c.rows == (ta == Transpose::yes ? a.cols : a.rows) &&
                      c.cols == (tb == Transpose::yes ? b.rows : b.cols),
                  "gemm", "c [rows of op(a), columns of op(b)] and equal inner sizes");
}

static void scale_by(Real beta, View c) {
    if (beta == 0)
        std::fill_n(c.data, c.size(), Real{0});  // whatever was there, NaN too
    else if (beta != 1)
        for (Real& x : c.span()) x *= beta;
}

#ifdef KVMEM_HAVE_OPENBLAS
static int blas_size(Index n) {
    require_shape(n <= 0x7fffffff, "gemm", "sizes that fit 32 bits, as OpenBLAS has them");
    return static_cast<int>(n);
}

// Row-major c = a b is column-major c' = b' a'.
static void product(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    const int m = blas_size(c.cols), n = blas_size(c.rows), k = blas_size(ta == Transpose::yes ? a.rows : a.cols);
    const int lda = blas_size(b.cols), ldb = blas_size(a.cols), ldc = m;
    const char *op_a = tb == Transpose::yes ? "T" : "N", *op_b = ta == Transpose::yes ? "T" : "N";
    // The serial build hands the same work space to calls that run at once, and their products come out wrong.
    static std::mutex one_at_a_time;
    const std::lock_guard guard(one_at_a_time);
#ifdef KVMEM_REAL_DOUBLE
    dgemm_(op_a, op_b, &m, &n, &k, &alpha, b.data, &lda, a.data, &ldb, &beta, c.data, &ldc);
#else
    sgemm_(op_a, op_b, &m, &n, &k, &alpha, b.data, &lda, a.data, &ldb, &beta, c.data, &ldc);
#endif
}
#else
static void product(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    auto out = as_eigen(c);
    const auto x = as_eigen(a);
    const auto y = as_eigen(b);
    scale_by(beta, c);
    if (ta == Transpose::no && tb == Transpose::no) out.noalias() += alpha * (x * y);
    if (ta == Transpose::no && tb == Transpose::yes) out.noalias() += alpha * (x * y.transpose());
    if (ta == Transpose::yes && tb == Transpose::no) out.noalias() += alpha * (x.transpose() * y);
    if (ta == Transpose::yes && tb == Transpose::yes) out.noalias() += alpha * (x.transpose() * y.transpose());
}
#endif

void gemm(Real alpha, ConstView a, Transpose ta, ConstView b, Transpose tb, Real beta, View c) {
    check(a, ta, b, tb, c);
    if (c.empty()) return;
    if (a.empty())
        scale_by(beta, c);
    else
        product(alpha, a, ta, b, tb, beta, c);
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
