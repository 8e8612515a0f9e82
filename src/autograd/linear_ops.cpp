#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/gemm.hpp"

#include <algorithm>

namespace kvmem {

// Many rows are summed in halves: a large sum would lose the bits of what is added to it.
void add_rows(ConstView rows, View to, Arena& scratch) {
    constexpr Index max_rows = 4096;
    if (rows.rows <= max_rows) {
        for (Index i = 0; i < rows.rows; ++i) accumulate(to, 1, rows.middle_rows(i, 1));
        return;
    }
    const ArenaScope scope(scratch);
    const View other = scratch.matrix(1, rows.cols);
    std::fill_n(other.data, other.size(), Real{0});
    add_rows(rows.middle_rows(0, rows.rows / 2), to, scratch);
    add_rows(rows.middle_rows(rows.rows / 2, rows.rows - rows.rows / 2), other, scratch);
    accumulate(to, 1, other);
}

namespace {
// With y = x W' + b: dx = dy W, dW = dy' x and db the sum of the rows of dy.
struct Linear {
    Var x, weight;
    std::optional<Var> bias;

    void backward(Tape& tape, Var out) const {
        const View grad = out.grad();
        if (x.needs_grad()) gemm(1, grad, Transpose::no, weight.value(), Transpose::no, 1, x.grad());
        if (weight.needs_grad()) gemm(1, grad, Transpose::yes, x.value(), Transpose::no, 1, weight.grad());
        if (bias && bias->needs_grad()) add_rows(grad, bias->grad(), tape.arena());
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
    gemm(1, x.value(), Transpose::no, weight.value(), Transpose::yes, bias ? Real{1} : Real{0}, y);
    return out;
}

Var dot_scores(Var x, Var y) { return linear(x, y); }

}  // namespace kvmem
