#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <memory>

namespace kvmem {

namespace {
ConstView value_of(const std::optional<Var>& x) { return x ? x->value() : ConstView{}; }
View grad_of(const std::optional<Var>& x) { return x && x->needs_grad() ? x->grad() : View{}; }

template <class M, class Get>
RecurrentMatrices<M> each(const RecurrentMatrices<std::optional<Var>>& w, Get get) {
    return {get(w.input),      get(w.bias),      get(w.recurrent), get(w.reset_bias), get(w.peepholes),
            get(w.projection), get(w.gate_gain), get(w.cell_gain), get(w.cell_bias)};
}

// Its rows are `out` and, below, the last h. The last c is a matrix of its own, which is recorded after it.
struct Recurrent {
    RecurrentCall call;
    Var x;
    RecurrentInputs in;
    RecurrentSaved saved;
    std::optional<Var>* last_c;

    void backward(Tape& tape, Var all) const {
        const Index rows = x.rows();
        const ConstView grad = all.grad();
        recurrent_backward(
            call, saved, all.value().middle_rows(0, rows),
            {.out = grad.middle_rows(0, rows),
             .last_h = grad.middle_rows(rows, grad.rows - rows),
             .last_c = grad_of(*last_c)},
            {.x = grad_of(x), .h = grad_of(in.h), .c = grad_of(in.c), .weights = each<View>(in.weights, grad_of)},
            tape.arena());
    }
};

// The last c: its gradient is used where it came from.
struct LastCell {
    void backward(Tape&, Var) const {}
};
}  // namespace

RecurrentOutput recurrent(Cell cell, Var x, const RecurrentInputs& in, std::span<const Index> offsets,
                          Direction direction) {
    const RecurrentMatrices<std::optional<Var>>& w = in.weights;
    const std::initializer_list<std::optional<Var>> inputs{
        x,           w.input,     w.bias,      w.recurrent, w.reset_bias, w.peepholes, w.projection,
        w.gate_gain, w.cell_gain, w.cell_bias, in.h,        in.c,         in.mask};
    Tape& tape = Tape::of("recurrent", inputs);
    Arena& arena = tape.arena();
    const bool needs_grad = any_needs_grad(inputs);
    RecurrentCall call{.cell = cell,
                       .direction = direction,
                       .offsets = arena.copy(offsets),
                       .x = x.value(),
                       .weights = each<ConstView>(w, value_of),
                       .h = value_of(in.h),
                       .c = value_of(in.c),
                       .mask = value_of(in.mask),
                       .packed = in.packed};
    const RecurrentShape shape = recurrent_shape(call);
    call.packed = pack_recurrent(call, needs_grad, arena);
    const RecurrentSaved saved = recurrent_room(call, needs_grad, arena);
    std::optional<Var>* const last_c = std::construct_at(arena.take<std::optional<Var>>(1).data());
    const Index rows = shape.rows, sequences = shape.sequences;
    const Var all = tape.record(rows + sequences, shape.state, needs_grad, Recurrent{call, x, in, saved, last_c});
    if (cell == Cell::lstm) *last_c = tape.record(sequences, shape.width, needs_grad, LastCell{});
    const View values = all.mutable_value();
    recurrent(call, saved, values.middle_rows(0, rows), values.middle_rows(rows, sequences),
              *last_c ? (*last_c)->mutable_value() : View{}, arena);
    return {slice_rows(all, 0, rows), slice_rows(all, rows, sequences), *last_c, call.packed};
}

}  // namespace kvmem
