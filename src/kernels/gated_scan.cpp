#include "kvmem/kernels/gated_scan.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

static void check(ConstView z, ConstView c, ConstView h, std::span<const Index> offsets) {
    const bool fit = same_shape(z, c) && same_shape(z, h) && !offsets.empty() && offsets.front() == 0 &&
                     offsets.back() == z.rows && std::ranges::is_sorted(offsets);
    require_shape(fit, "gated_scan", "z, c and h of one shape, and offsets from 0 to their rows that do not fall");
}

namespace {
// The rows of a sequence in the order of the scan.
struct Order {
    Index first, step, count;
    Order(std::span<const Index> offsets, std::size_t i, Direction direction)
        : first(direction == Direction::forwards ? offsets[i] : offsets[i + 1] - 1),
          step(direction == Direction::forwards ? 1 : -1),
          count(offsets[i + 1] - offsets[i]) {}
    Index row(Index t) const { return first + t * step; }
};
}  // namespace

void gated_scan(ConstView z, ConstView c, std::span<const Index> offsets, Direction direction, View h) {
    check(z, c, h, offsets);
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        const Order order(offsets, i, direction);
        for (Index t = 0; t < order.count; ++t) {
            const Real *gate = z.row(order.row(t)), *fresh = c.row(order.row(t));
            Real* out = h.row(order.row(t));
            if (t == 0) {
                for (Index k = 0; k < z.cols; ++k) out[k] = gate[k] * fresh[k];
                continue;
            }
            const Real* before = h.row(order.row(t - 1));
            for (Index k = 0; k < z.cols; ++k) out[k] = before[k] + gate[k] * (fresh[k] - before[k]);
        }
    }
}

void gated_scan_backward(ConstView z, ConstView c, ConstView h, std::span<const Index> offsets, Direction direction,
                         ConstView grad_h, View grad_z, View grad_c, std::span<Real> scratch) {
    check(z, c, h, offsets);
    require_shape(same_shape(z, grad_h) && (!grad_z.data || same_shape(z, grad_z)) &&
                      (!grad_c.data || same_shape(z, grad_c)) && std::ssize(scratch) == z.cols,
                  "gated_scan_backward", "gradients of the shape of z, and scratch of its width");
    Real* const carried = scratch.data();  // the gradient of h_t through all later states
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        const Order order(offsets, i, direction);
        std::fill_n(carried, z.cols, Real{0});
        for (Index t = order.count - 1; t >= 0; --t) {
            const Index row = order.row(t);
            const Real *gate = z.row(row), *fresh = c.row(row), *grad = grad_h.row(row);
            const Real* before = t > 0 ? h.row(order.row(t - 1)) : nullptr;
            for (Index k = 0; k < z.cols; ++k) carried[k] += grad[k];
            if (grad_z.data)
                for (Index k = 0; k < z.cols; ++k)
                    grad_z(row, k) += carried[k] * (fresh[k] - (before ? before[k] : Real{0}));
            if (grad_c.data)
                for (Index k = 0; k < z.cols; ++k) grad_c(row, k) += carried[k] * gate[k];
            for (Index k = 0; k < z.cols; ++k) carried[k] *= 1 - gate[k];
        }
    }
}

namespace naive {

void gated_scan(ConstView z, ConstView c, std::span<const Index> offsets, Direction direction, View h) {
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        const Order order(offsets, i, direction);
        for (Index t = 0; t < order.count; ++t)
            for (Index k = 0; k < z.cols; ++k) {
                double sum = 0, left = 1;
                for (Index s = t; s >= 0; --s) {
                    const double gate = double{z(order.row(s), k)};
                    sum += left * gate * double{c(order.row(s), k)};
                    left *= 1 - gate;
                }
                h(order.row(t), k) = static_cast<Real>(sum);
            }
    }
}

}  // namespace naive

}  // namespace kvmem
