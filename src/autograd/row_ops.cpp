// Rows to a standard scale.
#include "autograd/operation.hpp"
#include "kernels/simd/table.hpp"
#include "kernels/vector.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/normalize.hpp"
#include "kvmem/kernels/positions.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

namespace {
struct LayerNormRows {
    Var x, gain, bias;
    std::span<Real> mean, inverse_deviation;

    void backward(Tape&, Var out) const {
        layer_norm_backward(x.value(), gain.value(), mean, inverse_deviation, out.grad(), x.grad(), gain.grad(),
                            bias.grad());
    }
};

struct RmsNorm {
    Var x, gain;
    std::span<Real> inverse_deviation;

    void backward(Tape&, Var out) const {
        rms_norm_backward(x.value(), gain.value(), inverse_deviation, out.grad(), x.grad(), gain.grad());
    }
};

struct NormalizeRows {
    Var x;
    std::span<Real> length;

    void backward(Tape&, Var out) const { normalize_rows_backward(out.value(), length, out.grad(), x.grad()); }
};

struct Rotate {
    Var x;
    ConstView turns;

    void backward(Tape&, Var out) const { rotate_backward(out.grad(), turns, x.grad()); }
};
}  // namespace

Var layer_norm(Var x, Var gain, Var bias) {
    Tape& tape = Tape::of("layer_norm", {x, gain, bias});
    require_shape(gain.value().size() == x.cols() && bias.value().size() == x.cols(), "layer_norm",
                  "a gain and a bias for each column");
    const LayerNormRows saved{x, gain, bias, tape.arena().take<Real>(x.rows()), tape.arena().take<Real>(x.rows())};
    const Var out = tape.record(x.rows(), x.cols(), any_needs_grad({x, gain, bias}), saved);
    layer_norm(x.value(), gain.value(), bias.value(), out.mutable_value(), saved.mean, saved.inverse_deviation);
    return out;
}

Var rms_norm(Var x, Var gain) {
    Tape& tape = Tape::of("rms_norm", {x, gain});
    require_shape(gain.value().size() == x.cols(), "rms_norm", "a gain for each column");
    const RmsNorm saved{x, gain, tape.arena().take<Real>(x.rows())};
    const Var out = tape.record(x.rows(), x.cols(), any_needs_grad({x, gain}), saved);
    rms_norm(x.value(), gain.value(), out.mutable_value(), saved.inverse_deviation);
    return out;
}

Var normalize_rows(Var x) {
    Tape& tape = Tape::of("normalize_rows", {x});
    const NormalizeRows saved{x, tape.arena().take<Real>(x.rows())};
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad(), saved);
    normalize_rows(x.value(), out.mutable_value(), saved.length);
    return out;
}

Var rotate(Var x, std::span<const Index> positions, Index heads) {
    Tape& tape = Tape::of("rotate", {x});
    require_shape(heads > 0 && x.cols() % (2 * heads) == 0 && std::ssize(positions) == x.rows(), "rotate",
                  "heads of an even width, and a position for each row");
    const View turns = tape.arena().matrix(x.rows(), x.cols() / heads);
    rotary_turns(positions, turns);
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad(), Rotate{x, turns});
    rotate(x.value(), turns, out.mutable_value());
    return out;
}

// body(i) for every row of a matrix of this shape, on several threads where there is work for them.
template <class Body>
static void for_each_row(ConstView shape, Body body) {
    if (shape.empty()) return;
    parallel_for(shape.rows, row_grain(shape.cols), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) body(i);
    });
}

namespace {
// With y = softmax(x): dx = y (dy - y . dy).
struct Softmax {
    Var x;

    void backward(Tape&, Var out) const {
        const ConstView y = out.value();
        const View grad_out = out.grad(), grad = x.grad();
        for_each_row(y, [&](Index i) {
            const Real mean = detail::dot(y.row(i), grad_out.row(i), y.cols);
            for (Index j = 0; j < y.cols; ++j) grad(i, j) += y(i, j) * (grad_out(i, j) - mean);
        });
    }
};

// With y = log softmax(x) and p = softmax(x): dx = dy - p sum(dy). p of a fully masked row is zero; its gradient too.
struct LogSoftmax {
    Var x;
    View weights;  // p

    void backward(Tape&, Var out) const {
        const View grad_out = out.grad(), grad = x.grad();
        for_each_row(grad, [&](Index i) {
            if (is_masked(i)) return;
            const auto total = static_cast<Real>(std::reduce(grad_out.row(i), grad_out.row(i + 1), 0.0));
            for (Index j = 0; j < grad.cols; ++j) grad(i, j) += grad_out(i, j) - weights(i, j) * total;
        });
    }

  private:
    bool is_masked(Index i) const {
        return std::all_of(weights.row(i), weights.row(i + 1), [](Real p) { return p == 0; });
    }
};
}  // namespace

Var softmax(Var x) {
    Tape& tape = Tape::of("softmax", {x});
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad(), Softmax{x});
    const ConstView scores = x.value();
    const View y = out.mutable_value();
    for_each_row(scores, [&](Index i) {
        std::copy_n(scores.row(i), scores.cols, y.row(i));
        detail::simd().softmax_row(y.row(i), y.cols);
    });
    return out;
}

Var log_softmax(Var x) {
    Tape& tape = Tape::of("log_softmax", {x});
    const LogSoftmax saved{x, tape.arena().matrix(x.needs_grad() ? x.rows() : 0, x.cols())};
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad(), saved);
    const ConstView scores = x.value();
    const View y = out.mutable_value();
    for_each_row(scores, [&](Index i) {
        std::copy_n(scores.row(i), scores.cols, y.row(i));
        kvmem::log_softmax(y.middle_rows(i, 1));
        if (!x.needs_grad()) return;
        std::copy_n(scores.row(i), scores.cols, saved.weights.row(i));
        detail::simd().softmax_row(saved.weights.row(i), scores.cols);
    });
    return out;
}

}  // namespace kvmem
