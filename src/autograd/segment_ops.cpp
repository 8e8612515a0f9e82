#include "autograd/operation.hpp"
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
