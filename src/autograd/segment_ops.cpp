#include "autograd/operation.hpp"
#include "autograd/ranking_ops.hpp"
#include "kernels/simd/table.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <limits>

namespace kvmem {

namespace {
struct ScatterSum {
    Var x;
    std::span<const Index> places;

    void backward(Tape&, Var out) const {
        const View grad = x.grad(), grad_out = out.grad();
        // Several numbers may have one place, so the forward pass adds and this one only reads.
        for (std::size_t i = 0; i < places.size(); ++i)
            if (places[i] >= 0) grad.data[i] += grad_out.data[places[i]];
    }
};
}  // namespace

Var scatter_sum(Var x, std::span<const Index> places, Index rows, Index cols) {
    Tape& tape = Tape::of("scatter_sum", {x});
    require_shape(std::ssize(places) == x.value().size(), "scatter_sum", "a place for each number");
    require_shape(rows >= 0 && cols >= 0 && (cols == 0 || rows <= std::numeric_limits<Index>::max() / cols),
                  "scatter_sum", "rows and columns whose product can be counted");
    const bool fit = std::ranges::all_of(places, [&](Index p) { return p >= -1 && p < rows * cols; });
    require_shape(fit, "scatter_sum", "places in the matrix, or -1");
    const Var out = tape.record(rows, cols, x.needs_grad(), ScatterSum{x, tape.arena().copy(places)});
    const View to = out.mutable_value();
    std::ranges::fill(to.span(), Real{0});
    for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i] >= 0) to.data[places[i]] += x.value().data[i];
    return out;
}

// body(segment, first row, end row, 1 / rows) for every segment that has rows, on several threads where there is work.
template <class Body>
static void for_each_segment(std::span<const Index> offsets, Index rows, Index cols, Body body) {
    const Index segments = std::ssize(offsets) - 1;
    // Segments of average length that hold the numbers of row_grain().
    const Index grain = std::max<Index>(1, row_grain(cols) * segments / std::max<Index>(rows, 1));
    parallel_for(segments, grain, [&](Index from, Index to) {
        for (Index i = from; i < to; ++i)
            if (const Index count = offsets[i + 1] - offsets[i]; count > 0)
                body(i, offsets[i], offsets[i + 1], Real{1} / static_cast<Real>(count));
    });
}

static void require_offsets(Var x, std::span<const Index> offsets, const char* operation) {
    require_shape(
        !offsets.empty() && offsets.front() == 0 && offsets.back() == x.rows() && std::ranges::is_sorted(offsets),
        operation, "offsets that rise from 0 to the number of rows");
}

namespace {
struct SegmentMean {
    Var x;
    std::span<const Index> offsets;

    void backward(Tape&, Var out) const {
        const View grad = x.grad(), grad_out = out.grad();
        for_each_segment(offsets, grad.rows, grad.cols, [&](Index i, Index first, Index end, Real share) {
            for (Index s = first; s < end; ++s)
                detail::simd().add_scaled(share, grad_out.row(i), grad.row(s), grad.cols);
        });
    }
};
}  // namespace

Var segment_mean(Var x, std::span<const Index> offsets) {
    Tape& tape = Tape::of("segment_mean", {x});
    require_offsets(x, offsets, "segment_mean");
    const Var out =
        tape.record(std::ssize(offsets) - 1, x.cols(), x.needs_grad(), SegmentMean{x, tape.arena().copy(offsets)});
    const ConstView rows = x.value();
    const View mean = out.mutable_value();
    std::ranges::fill(mean.span(), Real{0});
    for_each_segment(offsets, rows.rows, rows.cols, [&](Index i, Index first, Index end, Real share) {
        for (Index s = first; s < end; ++s) detail::simd().add_scaled(share, rows.row(s), mean.row(i), rows.cols);
    });
    return out;
}

// Whether the sum of a range goes on from that of the one before.
static bool goes_on(std::span<const RowRange> ranges, std::size_t i) {
    return i > 0 && ranges[i].first == ranges[i - 1].first && ranges[i].end >= ranges[i - 1].end;
}

static Real share_of(const RowRange& range) {
    return range.end > range.first ? Real{1} / static_cast<Real>(range.end - range.first) : Real{0};
}

namespace {
struct RangeMean {
    Var x;
    std::span<const RowRange> ranges;

    // Backwards over the ranges: a row has the gradients of all ranges that end behind it.
    void backward(Tape& tape, Var out) const {
        const View grad = x.grad(), grad_out = out.grad();
        const Index cols = grad.cols;
        const ArenaScope scope(tape.arena());
        const std::span<Real> sum = tape.arena().take<Real>(cols);
        std::ranges::fill(sum, Real{0});
        for (std::size_t i = ranges.size(); i-- > 0;) {
            const bool more = goes_on(ranges, i);
            detail::simd().add_scaled(share_of(ranges[i]), grad_out.row(static_cast<Index>(i)), sum.data(), cols);
            for (Index row = more ? ranges[i - 1].end : ranges[i].first; row < ranges[i].end; ++row)
                detail::simd().add_scaled(1, sum.data(), grad.row(row), cols);
            if (!more) std::ranges::fill(sum, Real{0});
        }
    }
};
}  // namespace

Var range_mean(Var x, std::span<const RowRange> ranges) {
    Tape& tape = Tape::of("range_mean", {x});
    const bool fit = std::ranges::all_of(
        ranges, [&](const RowRange& r) { return 0 <= r.first && r.first <= r.end && r.end <= x.rows(); });
    require_shape(fit, "range_mean", "ranges of rows of the matrix");
    const Index cols = x.cols();
    const Var out = tape.record(std::ssize(ranges), cols, x.needs_grad(), RangeMean{x, tape.arena().copy(ranges)});
    const ArenaScope scope(tape.arena());
    const std::span<Real> sum = tape.arena().take<Real>(cols);
    const ConstView rows = x.value();
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const bool more = goes_on(ranges, i);
        if (!more) std::ranges::fill(sum, Real{0});
        for (Index row = more ? ranges[i - 1].end : ranges[i].first; row < ranges[i].end; ++row)
            detail::simd().add_scaled(1, rows.row(row), sum.data(), cols);
        const Real share = share_of(ranges[i]);
        std::ranges::transform(sum, out.mutable_value().row(static_cast<Index>(i)), [&](Real s) { return share * s; });
    }
    return out;
}

namespace {
struct SegmentMax {
    Var x;
    std::span<Index> rows;  // of the max of each number of the output; -1 of an empty segment

    void backward(Tape&, Var out) const {
        const View grad = x.grad(), grad_out = out.grad();
        for (Index i = 0; i < std::ssize(rows); ++i)
            if (rows[i] >= 0) grad(rows[i], i % grad.cols) += grad_out.data[i];
    }
};
}  // namespace

Var segment_max(Var x, std::span<const Index> offsets) {
    Tape& tape = Tape::of("segment_max", {x});
    require_offsets(x, offsets, "segment_max");
    const Index cols = x.cols();
    const std::span<Index> best = tape.arena().take<Index>((std::ssize(offsets) - 1) * cols);
    const Var out = tape.record(std::ssize(offsets) - 1, cols, x.needs_grad(), SegmentMax{x, best});
    const ConstView rows = x.value();
    const View max = out.mutable_value();
    std::ranges::fill(max.span(), Real{0});
    std::ranges::fill(best, Index{-1});
    for_each_segment(offsets, rows.rows, cols, [&](Index i, Index first, Index end, Real) {
        std::ranges::copy_n(rows.row(first), cols, max.row(i));
        std::ranges::fill(best.subspan(i * cols, cols), first);
        for (Index s = first + 1; s < end; ++s)
            for (Index j = 0; j < cols; ++j)
                if (rows(s, j) > max(i, j)) {
                    max(i, j) = rows(s, j);
                    best[i * cols + j] = s;
                }
    });
    return out;
}

}  // namespace kvmem
