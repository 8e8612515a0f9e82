#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/gemm.hpp"

#include <algorithm>
#include <memory>

namespace kvmem {

namespace {
ConstView value_of(const std::optional<Var>& x) { return x ? x->value() : ConstView{}; }
View grad_of(const std::optional<Var>& x) { return x && x->needs_grad() ? x->grad() : View{}; }

template <class M, class Get>
RecurrentMatrices<M> each(const RecurrentMatrices<std::optional<Var>>& w, Get get) {
    return {get(w.recurrent), get(w.reset_bias), get(w.peepholes), get(w.projection),
            get(w.gate_gain), get(w.cell_gain),  get(w.cell_bias)};
}

// Its rows are `out` and, below, the last h. The last c is a matrix of its own, which is recorded after it.
struct Recurrent {
    RecurrentCall call;
    Var x;
    RecurrentInputs in;
    RecurrentSaved saved;
    std::optional<Var>* last_c;

    void backward(Tape& tape, Var all) const {
        const ArenaScope scope(tape.arena());
        const Index rows = x.rows();
        const ConstView grad = all.grad();
        const View grad_gates = tape.arena().matrix(rows, saved.gates.cols);
        recurrent_backward(
            call, saved, all.value().middle_rows(0, rows),
            {.out = grad.middle_rows(0, rows),
             .last_h = grad.middle_rows(rows, grad.rows - rows),
             .last_c = grad_of(*last_c)},
            {.x = grad_gates, .h = grad_of(in.h), .c = grad_of(in.c), .weights = each<View>(in.weights, grad_of)},
            tape.arena());
        add_inputs(grad_gates, tape);
    }

  private:
    void add_inputs(ConstView grad, Tape& tape) const {
        if (in.bias && in.bias->needs_grad()) add_rows(grad, in.bias->grad(), tape.arena());
        if (!in.weight) {
            if (x.needs_grad()) accumulate(x.grad(), 1, grad);
            return;
        }
        if (x.needs_grad()) gemm(1, grad, Transpose::no, in.weight->value(), Transpose::no, 1, x.grad());
        if (in.weight->needs_grad()) gemm(1, grad, Transpose::yes, x.value(), Transpose::no, 1, in.weight->grad());
    }
};

// The last c: its gradient is used where it came from.
struct LastCell {
    void backward(Tape&, Var) const {}
};
}  // namespace

// saved.gates = W x + b
static void input_products(Var x, const RecurrentInputs& in, View gates) {
    if (!in.weight) {
        std::copy_n(x.value().data, gates.size(), gates.data);
        return;
    }
    for (Index i = 0; i < gates.rows && in.bias; ++i) std::copy_n(in.bias->value().data, gates.cols, gates.row(i));
    gemm(1, x.value(), Transpose::no, in.weight->value(), Transpose::yes, in.bias ? Real{1} : Real{0}, gates);
}

RecurrentOutput recurrent(Cell cell, Var x, const RecurrentInputs& in, std::span<const Index> offsets,
                          Direction direction) {
    const RecurrentMatrices<std::optional<Var>>& w = in.weights;
    const std::initializer_list<std::optional<Var>> inputs{
        x,           in.weight,   in.bias,     w.recurrent, w.reset_bias, w.peepholes, w.projection,
        w.gate_gain, w.cell_gain, w.cell_bias, in.h,        in.c,         in.mask};
    Tape& tape = Tape::of("recurrent", inputs);
    Arena& arena = tape.arena();
    const RecurrentCall call{.cell = cell,
                             .direction = direction,
                             .offsets = arena.copy(offsets),
                             .weights = each<ConstView>(w, value_of),
                             .h = value_of(in.h),
                             .c = value_of(in.c),
                             .mask = value_of(in.mask)};
    const Index columns = in.weight ? in.weight->rows() : x.cols();
    require_shape(!in.weight || in.weight->cols() == x.cols(), "recurrent",
                  "x [n, in] and a weight [gates * width, in]");
    require_shape(!in.bias || (in.weight && in.bias->value().size() == in.weight->rows()), "recurrent",
                  "a bias [1, gates * width] beside the weight");
    const RecurrentShape shape = recurrent_shape(call, x.rows(), columns);
    const Index rows = shape.rows, sequences = shape.sequences;
    const bool needs_grad = any_needs_grad(inputs);
    const RecurrentSaved saved = recurrent_room(call, shape.width, needs_grad, arena);
    input_products(x, in, saved.gates);
    std::optional<Var>* const last_c = std::construct_at(arena.take<std::optional<Var>>(1).data());
    const Var all = tape.record(rows + sequences, shape.state, needs_grad, Recurrent{call, x, in, saved, last_c});
    if (cell == Cell::lstm) *last_c = tape.record(sequences, shape.width, needs_grad, LastCell{});
    const View values = all.mutable_value();
    recurrent(call, saved, values.middle_rows(0, rows), values.middle_rows(rows, sequences),
              *last_c ? (*last_c)->mutable_value() : View{}, arena);
    return {slice_rows(all, 0, rows), slice_rows(all, rows, sequences), *last_c};
}

}  // namespace kvmem
