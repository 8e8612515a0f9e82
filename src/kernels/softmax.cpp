#include "kvmem/kernels/softmax.hpp"

#include "kernels/log_sum.hpp"
#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem {

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

void softmax(View scores) {
    for (Index i = 0; i < scores.rows; ++i) detail::simd().softmax_row(scores.row(i), scores.cols);
}

void detail::LogSum::add(std::span<const Real> scores) {
    Real weights[block];
    std::ranges::copy(scores, weights);
    const auto [largest, total] = simd().softmax_row(weights, std::ssize(scores));
    const Real top = std::max(largest, largest_);
    if (total == 0) return;  // -inf alone
    const auto relative_to_top = [&](Real sum, Real at) { return at == top ? sum : sum * std::exp(at - top); };
    total_ = relative_to_top(total_, largest_) + relative_to_top(total, largest);
    largest_ = top;
}

void log_softmax(View scores) {
    for (Index i = 0; i < scores.rows; ++i) {
        const std::span<Real> row = scores.middle_rows(i, 1).span();
        detail::LogSum sum;
        detail::for_blocks(row, [&](std::span<const Real> block, Index) { sum.add(block); });
        const detail::LogSoftmax normalized = sum.result();
        for (Real& x : row) x = normalized(x);
    }
}

static void check_columns(Index target, std::span<const Index> excluded, Index columns) {
    bool fits = target >= -1 && target < columns;
    for (const Index column : excluded) fits = fits && column >= 0 && column < columns && column != target;
    require_shape(fits, "cross_entropy", "targets and exclusions among the columns, and no target excluded");
}

void cross_entropy(ConstView scores, std::span<const Index> targets, RaggedView<Index> excluded, std::span<Real> loss,
                   View grad_scores, double smoothing) {
    require_shape(std::ssize(targets) == scores.rows && std::ssize(loss) == scores.rows, "cross_entropy",
                  "a target and a loss for each row");
    require_shape(excluded.valid() && (excluded.size() == 0 || excluded.size() == scores.rows), "cross_entropy",
                  "exclusions for each row");
    require_shape(grad_scores.rows == scores.rows && grad_scores.cols == scores.cols, "cross_entropy",
                  "a gradient of the scores' shape");
    require_shape(smoothing >= 0 && smoothing < 1, "cross_entropy", "a label smoothing from 0 to below 1");
    require_shape(smoothing == 0 || scores.empty() || grad_scores.data != scores.data, "cross_entropy",
                  "a gradient of its own beside label smoothing");
    const auto kept = static_cast<Real>(1 - smoothing);
    const auto left_out = [&](Index i) { return excluded.size() > 0 ? excluded[i] : std::span<const Index>(); };
    for (Index i = 0; i < scores.rows; ++i) check_columns(targets[i], left_out(i), scores.cols);
    for (Index i = 0; i < scores.rows; ++i) {
        const Index target = targets[i];
        Real* grad = grad_scores.row(i);
        if (target == -1) {
            std::fill_n(grad, scores.cols, Real{0});
            loss[i] = 0;
            continue;
        }
        const Real target_score = scores(i, target);
        if (grad != scores.row(i)) std::copy_n(scores.row(i), scores.cols, grad);
        for (const Index column : left_out(i)) grad[column] = minus_infinity;
        const auto [sum, count] =
            smoothing > 0 ? detail::simd().unmasked_sum(grad, scores.cols) : detail::ScoreSum{0, 0};
        const auto [largest, total] = detail::simd().softmax_row(grad, scores.cols);
        loss[i] = total == 0 ? -minus_infinity : std::log(total) + kept * (largest - target_score);
        grad[target] -= kept;
        if (count == 0) continue;
        const double share = smoothing / static_cast<double>(count);
        loss[i] += static_cast<Real>(smoothing * static_cast<double>(largest) - share * sum);
        detail::simd().subtract_unmasked(static_cast<Real>(share), scores.row(i), grad, scores.cols);
        for (const Index column : left_out(i)) grad[column] = 0;
    }
}

}  // namespace kvmem
