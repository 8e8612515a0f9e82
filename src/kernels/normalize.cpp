#include "kvmem/kernels/normalize.hpp"

#include "kernels/simd/table.hpp"
#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

static bool holds_rows(std::span<const Real> numbers, ConstView of) {
    return static_cast<Index>(numbers.size()) == of.rows;
}

// A row of a layer normalisation, or one that is not centered.
static detail::NormRow row_of(ConstView in, ConstView gain, Index i, bool centered) {
    return {.x = in.row(i), .gain = gain.data, .mean = 0, .inverse = 0, .centered = centered};
}

void layer_norm(ConstView in, ConstView gain, ConstView bias, View out, std::span<Real> mean,
                std::span<Real> inverse_deviation) {
    const Index d = in.cols;
    require_shape(gain.size() == d && bias.size() == d && same_shape(in, out), "layer_norm",
                  "a gain and a bias for each column");
    require_shape(holds_rows(mean, in) && holds_rows(inverse_deviation, in), "layer_norm",
                  "a mean and a deviation for each row");
    for (Index i = 0; i < in.rows && d > 0; ++i) {
        detail::NormRow row = row_of(in, gain, i, true);
        detail::simd().norm_row(row, bias.data, layer_norm_epsilon, out.row(i), d);
        mean[i] = row.mean;
        inverse_deviation[i] = row.inverse;
    }
}

void rms_norm(ConstView in, ConstView gain, View out, std::span<Real> inverse_deviation) {
    const Index d = in.cols;
    require_shape(gain.size() == d && same_shape(in, out) && holds_rows(inverse_deviation, in), "rms_norm",
                  "a gain for each column, and a deviation for each row");
    for (Index i = 0; i < in.rows && d > 0; ++i) {
        detail::NormRow row = row_of(in, gain, i, false);
        detail::simd().norm_row(row, nullptr, layer_norm_epsilon, out.row(i), d);
        inverse_deviation[i] = row.inverse;
    }
}

// Empty means: the rows are not centered.
static void norm_backward(const char* where, ConstView in, ConstView gain, std::span<const Real> mean,
                          std::span<const Real> inverse_deviation, ConstView grad_out, View grad_in, View grad_gain,
                          View grad_bias) {
    const Index d = in.cols;
    const auto fits = [](View grad, bool shape) { return grad.data == nullptr || shape; };
    require_shape(gain.size() == d && same_shape(in, grad_out) && fits(grad_in, same_shape(in, grad_in)) &&
                      fits(grad_gain, grad_gain.size() == d) && fits(grad_bias, grad_bias.size() == d) &&
                      holds_rows(inverse_deviation, in),
                  where, "what the forward pass was called with, and gradients of the same shapes, or empty");
    for (Index i = 0; i < in.rows && d > 0; ++i) {
        detail::NormRow row = row_of(in, gain, i, !mean.empty());
        row.mean = mean.empty() ? 0 : mean[i];
        row.inverse = inverse_deviation[i];
        detail::simd().norm_row_backward(row, grad_out.row(i), grad_in.data ? grad_in.row(i) : nullptr, grad_gain.data,
                                         grad_bias.data, d);
    }
}

void layer_norm_backward(ConstView in, ConstView gain, std::span<const Real> mean,
                         std::span<const Real> inverse_deviation, ConstView grad_out, View grad_in, View grad_gain,
                         View grad_bias) {
    require_shape(holds_rows(mean, in), "layer_norm_backward", "a mean for each row");
    norm_backward("layer_norm_backward", in, gain, mean, inverse_deviation, grad_out, grad_in, grad_gain, grad_bias);
}

void rms_norm_backward(ConstView in, ConstView gain, std::span<const Real> inverse_deviation, ConstView grad_out,
                       View grad_in, View grad_gain) {
    norm_backward("rms_norm_backward", in, gain, {}, inverse_deviation, grad_out, grad_in, grad_gain, {});
}

// The sum is in double where squares may leave the range of float.
static Real length_of(const Real* x, Index n) {
    const Real square = detail::dot(x, x, n);
    if (square > 1e-30f && square < 1e30f) return std::sqrt(square);
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += double{x[i]} * double{x[i]};
    return static_cast<Real>(std::sqrt(sum));
}

void normalize_rows(ConstView in, View out, std::span<Real> length) {
    require_shape(same_shape(in, out) && holds_rows(length, in), "normalize_rows",
                  "out of the shape of in, a length for each row");
    for (Index i = 0; i < in.rows; ++i) {
        const Real norm = length_of(in.row(i), in.cols);
        length[i] = norm;
        for (Index j = 0; j < in.cols; ++j) out(i, j) = norm == 0 ? Real{0} : in(i, j) / norm;
    }
}

void normalize_rows_backward(ConstView out, std::span<const Real> length, ConstView grad_out, View grad_in) {
    require_shape(same_shape(out, grad_out) && same_shape(out, grad_in) && holds_rows(length, out),
                  "normalize_rows_backward", "gradients of the shape of out");
    for (Index i = 0; i < out.rows; ++i) {
        const Real norm = length[i];
        if (norm == 0) continue;
        const Real along = detail::dot(out.row(i), grad_out.row(i), out.cols);
        for (Index j = 0; j < out.cols; ++j) grad_in(i, j) += (grad_out(i, j) - along * out(i, j)) / norm;
    }
}

}  // namespace kvmem
