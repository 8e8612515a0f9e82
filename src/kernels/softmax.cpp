#include "kvmem/kernels/softmax.hpp"

#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem {

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

// In place to exp(x - max), which is returned with the sum. A NaN makes the sum NaN.
struct Exponentials {
    Real largest;
    Real sum;
};
static Exponentials exponentiate(Real* x, Index n) {
    const Real largest = detail::largest(x, n);
    if (largest == minus_infinity) {
        std::fill_n(x, n, Real{0});
        return {largest, 0};
    }
    for (Index i = 0; i < n; ++i) x[i] = detail::exp_of_negative(x[i] - largest);
    return {largest, detail::sum(x, n)};
}

void softmax(View scores) {
    for (Index i = 0; i < scores.rows; ++i) {
        const auto [largest, sum] = exponentiate(scores.row(i), scores.cols);
        if (sum != 0) detail::scale(1 / sum, scores.row(i), scores.cols);
    }
}

static void check_columns(Index target, std::span<const Index> excluded, Index columns) {
    bool fits = target >= -1 && target < columns;
    for (const Index column : excluded) fits = fits && column >= 0 && column < columns && column != target;
    require_shape(fits, "cross_entropy", "targets and exclusions among the columns, and no target excluded");
}

void cross_entropy(ConstView scores, std::span<const Index> targets, RaggedView<Index> excluded, std::span<Real> loss,
                   View grad_scores) {
    const auto rows = static_cast<std::size_t>(scores.rows);
    require_shape(targets.size() == rows && loss.size() == rows, "cross_entropy", "a target and a loss for each row");
    require_shape(excluded.valid() && (excluded.size() == 0 || excluded.size() == scores.rows), "cross_entropy",
                  "exclusions for each row");
    require_shape(grad_scores.rows == scores.rows && grad_scores.cols == scores.cols, "cross_entropy",
                  "a gradient of the scores' shape");
    const auto left_out = [&](Index i) { return excluded.size() > 0 ? excluded[i] : std::span<const Index>(); };
    for (Index i = 0; i < scores.rows; ++i)
        check_columns(targets[static_cast<std::size_t>(i)], left_out(i), scores.cols);
    for (Index i = 0; i < scores.rows; ++i) {
        const Index target = targets[static_cast<std::size_t>(i)];
        Real* grad = grad_scores.row(i);
        if (target == -1) {
            std::fill_n(grad, scores.cols, Real{0});
            loss[static_cast<std::size_t>(i)] = 0;
            continue;
        }
        const Real target_score = scores(i, target);
        if (grad != scores.row(i)) std::copy_n(scores.row(i), scores.cols, grad);
        for (const Index column : left_out(i)) grad[column] = minus_infinity;
        const auto [largest, sum] = exponentiate(grad, scores.cols);
        loss[static_cast<std::size_t>(i)] = sum == 0 ? -minus_infinity : std::log(sum) + (largest - target_score);
        if (sum != 0) detail::scale(1 / sum, grad, scores.cols);
        grad[target] -= 1;
    }
}

}  // namespace kvmem
