#include "autograd/operation.hpp"
#include "autograd/ranking_ops.hpp"
#include "kernels/simd/table.hpp"
#include "kernels/vector.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

namespace {
struct CrossEntropy {
    Var scores;
    View grad_scores;  // of a loss whose own gradient is 1: softmax and loss come from one pass over the scores

    void backward(Tape&, Var out) const { accumulate(scores.grad(), out.grad().data[0], grad_scores); }
};

struct MeanSquaredError {
    Var x, y;

    void backward(Tape&, Var out) const {
        // d / dx of (x - y)^2 / n is 2 (x - y) / n, and y has the same with the other sign.
        const Real factor = out.grad().data[0] * 2 / static_cast<Real>(std::max<Index>(x.value().size(), 1));
        if (x.needs_grad()) add_difference(factor, x.grad());
        if (y.needs_grad()) add_difference(-factor, y.grad());
    }

  private:
    void add_difference(Real factor, View grad) const {
        const ConstView a = x.value(), b = y.value();
        for (Index i = 0; i < grad.size(); ++i) grad.data[i] += factor * (a.data[i] - b.data[i]);
    }
};
}  // namespace

// Without a gradient, of a few rows at a time: validations have many rows.
static Var loss_alone(Tape& tape, ConstView scores, std::span<const Index> targets, double smoothing) {
    require_shape(std::ssize(targets) == scores.rows, "cross_entropy", "a target for each row");
    constexpr Index block = 64;
    double total = 0;
    {
        const ArenaScope scope(tape.arena());
        const View unused = tape.arena().matrix(std::min(block, scores.rows), scores.cols);
        const auto losses = tape.arena().take<Real>(unused.rows);
        for (Index first = 0; first < scores.rows; first += block) {
            const Index rows = std::min(block, scores.rows - first);
            cross_entropy(scores.middle_rows(first, rows), targets.subspan(first, rows), {}, losses.first(rows),
                          unused.middle_rows(0, rows), smoothing);
            total = std::accumulate(losses.begin(), losses.begin() + rows, total);
        }
    }
    Matrix sum(1, 1);
    sum(0, 0) = static_cast<Real>(total);
    return tape.constant(std::move(sum));
}

Var cross_entropy(Var scores, std::span<const Index> targets, RaggedView<Index> excluded, double smoothing) {
    Tape& tape = Tape::of("cross_entropy", {scores});
    if (!scores.needs_grad() && excluded.size() == 0) return loss_alone(tape, scores.value(), targets, smoothing);
    const CrossEntropy saved{scores, tape.arena().matrix(scores.rows(), scores.cols())};
    const auto losses = tape.arena().take<Real>(scores.rows());
    cross_entropy(scores.value(), targets, excluded, losses, saved.grad_scores, smoothing);
    const Var out = tape.record(1, 1, scores.needs_grad(), saved);
    out.mutable_value().data[0] = static_cast<Real>(std::accumulate(losses.begin(), losses.end(), 0.0));
    return out;
}

Var mean_squared_error(Var x, Var y) {
    Tape& tape = Tape::of("mean_squared_error", {x, y});
    require_shape(same_shape(x, y), "mean_squared_error", "two matrices of one shape");
    const Var out = tape.record(1, 1, any_needs_grad({x, y}), MeanSquaredError{x, y});
    const ConstView a = x.value(), b = y.value();
    double total = 0;  // in double: a float would lose small squares beside a large sum
    for (Index i = 0; i < a.size(); ++i) {
        const double difference = double{a.data[i]} - double{b.data[i]};
        total += difference * difference;
    }
    out.mutable_value().data[0] = static_cast<Real>(total / static_cast<double>(std::max<Index>(a.size(), 1)));
    return out;
}

namespace {
struct PairwiseLoss {
    Var queries, items, bias;
    std::span<const RankedPair> pairs;
    std::span<const Real> slopes;  // of each pair's loss along the difference of its scores

    void backward(Tape&, Var out) const {
        const Real factor = out.grad().data[0];
        const bool to_queries = queries.needs_grad(), to_items = items.needs_grad(), to_bias = bias.needs_grad();
        const View grad_queries = queries.grad(), grad_items = items.grad(), grad_bias = bias.grad();
        const ConstView query = queries.value(), item = items.value();
        const auto add = [&](Real slope, const Real* from, Real* to) {
            detail::simd().add_scaled(slope, from, to, item.cols);
        };
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const auto& [q, better, worse] = pairs[i];
            const Real slope = factor * slopes[i];
            if (to_queries) {
                add(slope, item.row(better), grad_queries.row(q));
                add(-slope, item.row(worse), grad_queries.row(q));
            }
            if (to_items) {
                add(slope, query.row(q), grad_items.row(better));
                add(-slope, query.row(q), grad_items.row(worse));
            }
            if (to_bias) {
                grad_bias.data[better] += slope;
                grad_bias.data[worse] -= slope;
            }
        }
    }
};
}  // namespace

Var pairwise_loss(Var queries, Var items, Var bias, std::span<const RankedPair> pairs) {
    Tape& tape = Tape::of("pairwise_loss", {queries, items, bias});
    const ConstView query = queries.value(), item = items.value(), b = bias.value();
    require_shape(query.cols == item.cols && b.rows == item.rows && b.cols == 1, "pairwise_loss",
                  "queries [Q, d], items [n, d] and bias [n, 1]");
    const auto is_row = [](Index row, Index rows) { return row >= 0 && row < rows; };
    const bool fit = std::ranges::all_of(pairs, [&](const RankedPair& p) {
        return is_row(p.query, query.rows) && is_row(p.better, item.rows) && is_row(p.worse, item.rows);
    });
    require_shape(fit, "pairwise_loss", "pairs of rows of the matrices");
    const std::span<Real> slopes = tape.arena().take<Real>(std::ssize(pairs));
    double total = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const auto& [q, better, worse] = pairs[i];
        const Real x = detail::dot(query.row(q), item.row(better), item.cols) -
                       detail::dot(query.row(q), item.row(worse), item.cols) + b.data[better] - b.data[worse];
        // -log sigmoid(x), whose slope is -sigmoid(-x), by the exponential that cannot overflow
        const Real small = std::exp(-std::abs(x));
        slopes[i] = -(x > 0 ? small : Real{1}) / (1 + small);
        total += double{std::max(-x, Real{0})} + double{std::log1p(small)};
    }
    const Var out = tape.record(1, 1, any_needs_grad({queries, items, bias}),
                                PairwiseLoss{queries, items, bias, tape.arena().copy(pairs), slopes});
    out.mutable_value().data[0] = static_cast<Real>(total);
    return out;
}

}  // namespace kvmem
