// Operations on the rows of variables, made of those of kvmem/autograd/ops.hpp. Not installed.
#pragma once

#include "kvmem/autograd/ops.hpp"

#include <span>

namespace kvmem {

// [rows, cols] ones as a constant of the tape.
Var ones(Tape& tape, Index rows, Index cols);

// The inner product of each row of x with that of y, both [n, d]: [n, 1].
Var row_dots(Var x, Var y);

// x [n, d] with each row times its weight of [n, 1].
Var times_rows(Var x, Var weights);

// x [n, d] with each row left out at the rate of dropout(), as a whole, while the tape is training.
Var drop_rows(Var x, double rate);

// x [n, 1] as a matrix with a row for each segment of `offsets`, [segments, longest]. Behind a shorter one it has -1e9,
// which softmax() hides.
Var padded_segments(Var x, std::span<const Index> offsets);

}  // namespace kvmem
