// Orthogonal matrices to begin with: they neither shrink nor stretch what passes through them many times.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/rng.hpp"

namespace kvmem {

// Fills `weight` with gain times a random matrix whose rows (of a wide one) or columns (of a tall or square one) are
// orthonormal, as the recurrent weights of RNNs, LSTMs and GRUs begin (Saxe et al. 2014). It is uniform among all of
// them: the Q of a Householder QR of normal numbers, with signs that make the diagonal of R positive (Mezzadri 2007,
// section 5). Worked out in double on the calling thread. Bit-reproducible.
void orthogonal(View weight, Rng& rng, double gain = 1);

}  // namespace kvmem
