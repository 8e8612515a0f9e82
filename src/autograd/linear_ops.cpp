#include "autograd/operation.hpp"
#include "kernels/multiply.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/gemm.hpp"
#include "kvmem/kernels/packed_weights.hpp"

#include <algorithm>

namespace kvmem {

namespace {
// With y = x W' + b: dx = dy W, dW = dy' x and db the sum of the rows of dy.
struct Linear {
    Var x, weight;
    std::optional<Var> bias;

    void backward(Tape& tape, Var out) const {
        const View grad = out.grad();
        if (x.needs_grad()) gemm(1, grad, Transpose::no, weight.value(), Transpose::no, 1, x.grad());
        if (weight.needs_grad()) gemm(1, grad, Transpose::yes, x.value(), Transpose::no, 1, weight.grad());
        if (bias && bias->needs_grad()) detail::add_rows(grad, bias->grad(), tape.arena());
    }
};
}  // namespace

Var linear(Var x, Var weight, std::optional<Var> bias) {
    Tape& tape = Tape::of("linear", {x, weight, bias});
    require_shape(x.cols() == weight.cols(), "linear", "x [B, n] and weight [m, n]");
    require_shape(!bias || bias->value().size() == weight.rows(), "linear", "a bias [1, m]");
    const Var out = tape.record(x.rows(), weight.rows(), any_needs_grad({x, weight, bias}), Linear{x, weight, bias});
    const View y = out.mutable_value();
    if (bias)
        for (Index i = 0; i < y.rows; ++i) std::copy_n(bias->value().data, y.cols, y.row(i));
    if (const PackedWeights* packed = tape.packed(weight))
        packed->multiply(x.value(), bias.has_value(), y, tape.arena());
    else
        gemm(1, x.value(), Transpose::no, weight.value(), Transpose::yes, bias ? Real{1} : Real{0}, y);
    return out;
}

Var dot_scores(Var x, Var y) { return linear(x, y); }

}  // namespace kvmem
