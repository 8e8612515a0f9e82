#include "kvmem/kernels/softmax.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

namespace kvmem {

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

void softmax(View scores) {
    for (Index i = 0; i < scores.rows; ++i) detail::simd().softmax_row(scores.row(i), scores.cols);
}

static void check_columns(Index target, std::span<const Index> excluded, Index columns) {
    bool fits = target >= -1 && target < columns;
    for (const Index column : excluded) fits = fits && column >= 0 && column < columns && column != target;
    require_shape(fits, "cross_entropy", "targets and exclusions among the columns, and no target excluded");
}

namespace {
// The scores of a row that count: the ones above -inf.
struct Counted {
    double sum = 0;
    Index count = 0;
};
}  // namespace

// In double, because a sum of large floats would lose the small ones, in parts that are added side by side.
static Counted count_scores(const Real* scores, Index columns) {
    constexpr Index parts = 8;
    double sums[parts] = {};
    std::int32_t counts[parts] = {};
    const auto add = [&](Index part, Real score) {
        const bool counts_too = score != minus_infinity;
        sums[part] += counts_too ? static_cast<double>(score) : 0;
        counts[part] += counts_too;
    };
    Index j = 0;
    for (; j + parts <= columns; j += parts)
        for (Index part = 0; part < parts; ++part) add(part, scores[j + part]);
    for (; j < columns; ++j) add(0, scores[j]);
    return {std::accumulate(sums, sums + parts, 0.0), std::accumulate(counts, counts + parts, Index{0})};
}

// Subtracts `share` from the gradient of each column that counts.
static void subtract_share(Real share, const Real* scores, std::span<const Index> excluded, Real* grad, Index columns) {
    for (Index j = 0; j < columns; ++j) grad[j] -= scores[j] == minus_infinity ? 0 : share;
    for (const Index column : excluded) grad[column] = 0;
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
        const Counted counted = smoothing > 0 ? count_scores(grad, scores.cols) : Counted{};
        const auto [largest, total] = detail::simd().softmax_row(grad, scores.cols);
        loss[i] = total == 0 ? -minus_infinity : std::log(total) + kept * (largest - target_score);
        grad[target] -= kept;
        if (counted.count == 0) continue;
        const double share = smoothing / static_cast<double>(counted.count);
        loss[i] += static_cast<Real>(smoothing * static_cast<double>(largest) - share * counted.sum);
        subtract_share(static_cast<Real>(share), scores.row(i), left_out(i), grad, scores.cols);
    }
}

}  // namespace kvmem
