// Positions in a sequence as numbers: added to its vectors, or turning queries and keys.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <span>

namespace kvmem {

// out[i] = the sinusoids of position p = positions[i] (Vaswani et al. 2017, section 3.5), for out [n, d]:
// numbers 2j and 2j + 1 are the sine and the cosine of p / 10000^(2j / d). Throws Error without n positions.
void sinusoids(std::span<const Index> positions, View out);

// The cosines and the sines [n, D] by which rotate() turns a head of D numbers: number j < D / 2 of row i is the cosine
// of positions[i] / 10000^(2j / D), and number j + D / 2 its sine. Throws Error for an odd D or without n positions.
void rotary_turns(std::span<const Index> positions, View turns);
// Rotary positions (Su et al. 2021, eq. 34). Numbers j and j + D / 2 of each head are the pair that turns by the angle
// of turns [n, D], for in and out [n, heads * D]. The product of a query and a key that were turned depends on the
// distance of their positions alone. Throws Error when shapes do not fit.
void rotate(ConstView in, ConstView turns, View out);
// Adds the gradient, turned back.
void rotate_backward(ConstView grad_out, ConstView turns, View grad_in);

}  // namespace kvmem
