#include "nn/row_ops.hpp"

#include <utility>

namespace kvmem {

Var ones(Tape& tape, Index rows, Index cols) {
    Matrix all(rows, cols);
    all.fill(1);
    return tape.constant(std::move(all));
}

Var row_dots(Var x, Var y) { return linear(x * y, ones(*x.tape, 1, x.cols())); }

Var times_rows(Var x, Var weights) { return x * linear(weights, ones(*x.tape, x.cols(), 1)); }

Var drop_rows(Var x, double rate) {
    if (rate == 0 || !x.tape->training()) return x;
    return times_rows(x, dropout(ones(*x.tape, x.rows(), 1), rate));
}

}  // namespace kvmem
