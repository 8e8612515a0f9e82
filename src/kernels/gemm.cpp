#include "kvmem/kernels/gemm.hpp"

#include "kernels/multiply.hpp"
#include "kernels/vector.hpp"
#include "kvmem/core/arena.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem {

// The work that is worth a task of its own, in multiplications: some tens of microseconds.
static constexpr Index task_work = Index{1} << 21;

static void scale_by(Real beta, View c) {
    if (beta == 0)
        std::fill_n(c.data, c.size(), Real{0});  // c need not be initialised
    else if (beta != 1)
        for (Real& x : c.span()) x *= beta;
}

// Splits the larger side of c into tasks of whole blocks.
static void by_parts(const detail::Product& p, Real alpha, Index b_step, bool add) {
    const bool tall = p.rows >= p.cols;
    const Index side = tall ? p.rows : p.cols, step = tall ? detail::gemm_rows : detail::gemm_cols;
    const Index blocks = (side + step - 1) / step, work = p.rows * p.cols * p.depth;
    // Each task packs b again, so tasks are few: enough for threads that are late to be made up for.
    const Index tasks = std::min(work / task_work, thread_count() == 1 ? Index{1} : Index{2} * thread_count());
    const Index grain = (blocks + std::max<Index>(tasks, 1) - 1) / std::max<Index>(tasks, 1);
    parallel_for(blocks, grain, [&](Index first, Index last) {
        static thread_local Arena packed;  // the stacks of some threads are too small
        const ArenaScope scope(packed);
        const Index from = first * step, to = std::min(side, last * step);
        detail::Product part = p;
        (tall ? part.rows : part.cols) = to - from;
        part.a += tall ? from * p.a_row : 0;
        part.b += tall ? 0 : from * b_step;
        part.c += tall ? from * p.c_row : from;
        detail::simd().gemm(part, alpha, b_step, add, packed.take<Real>(detail::gemm_scratch).data());
    });
}

// Deeper products are sums of two halves, because a large sum would lose what is added to it. The second half needs
// room of its own: added to c block by block, it would meet the large sum after all.
static constexpr Index max_depth = 4096;

void detail::multiply(const Product& p, Real alpha, Index b_step, bool add) {
    if (p.depth <= max_depth) return by_parts(p, alpha, b_step, add);
    Matrix other(p.rows, p.cols);
    Product first = p, second = p;
    first.depth = p.depth / 2;
    second.depth = p.depth - first.depth;
    second.a += first.depth * p.a_step;
    second.b += first.depth * p.b_row;
    second.c = other.data();
    second.c_row = p.cols;
    multiply(first, alpha, b_step, add);
    multiply(second, alpha, b_step, false);
    for (Index i = 0; i < p.rows; ++i) axpy(1, other.row(i), p.c + i * p.c_row, p.cols);
}

// Many rows are summed in halves: a large sum would lose the bits of what is added to it.
static void add_columns(ConstView rows, Index first, Index count, Real* to, Real* scratch) {
    constexpr Index max_rows = 4096;
    if (rows.rows <= max_rows) {
        for (Index i = 0; i < rows.rows; ++i) detail::simd().add_scaled(1, rows.row(i) + first, to, count);
        return;
    }
    const Index half = rows.rows / 2;
    std::fill_n(scratch, count, Real{0});
    add_columns(rows.middle_rows(0, half), first, count, to, scratch + rows.cols);
    add_columns(rows.middle_rows(half, rows.rows - half), first, count, scratch, scratch + rows.cols);
    for (Index k = 0; k < count; ++k) to[k] += scratch[k];
}

void detail::add_rows(ConstView rows, View to, Arena& scratch) {
    constexpr Index max_halvings = 64;
    const ArenaScope scope(scratch);
    const std::span<Real> sums = scratch.take<Real>(rows.rows > 4096 ? max_halvings * rows.cols : 0);
    const Index grain = std::max<Index>(256, (Index{1} << 18) / std::max<Index>(rows.rows, 1));
    kvmem::parallel_for(rows.cols, grain, [&](Index first, Index last) {
        add_columns(rows, first, last - first, to.data + first, sums.data() + first);
    });
}

void gemm(Real alpha, ConstView a, Transpose transpose_a, ConstView b, Transpose transpose_b, Real beta, View c) {
    const bool ta = transpose_a == Transpose::yes, tb = transpose_b == Transpose::yes;
    const Index depth = ta ? a.rows : a.cols;
    require_shape(
        depth == (tb ? b.cols : b.rows) && c.rows == (ta ? a.cols : a.rows) && c.cols == (tb ? b.rows : b.cols), "gemm",
        "c [rows of op(a), columns of op(b)] and equal inner sizes");
    if (depth == 0 || (beta != 0 && beta != 1)) scale_by(beta, c);
    if (depth == 0) return;
    const detail::Product p{.rows = c.rows,
                            .cols = c.cols,
                            .depth = depth,
                            .a = a.data,
                            .a_row = ta ? 1 : a.cols,
                            .a_step = ta ? a.cols : 1,
                            .b = b.data,
                            .b_row = tb ? 1 : b.cols,
                            .c = c.data,
                            .c_row = c.cols};
    detail::multiply(p, alpha, tb ? b.cols : 1, beta != 0);
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
