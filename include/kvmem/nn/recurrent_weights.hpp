// Weights of recurrent layers as other libraries have them.
//
//              | PyTorch, cuDNN            | Keras                      | ONNX, of one direction
//   -----------|---------------------------|----------------------------|------------------------------------
//   input      | weight_ih [G*d, in]       | kernel [in, G*d]           | W [G*d, in]
//   recurrent  | weight_hh [G*d, w]        | recurrent_kernel [w, G*d]  | R [G*d, w]
//   bias       | bias_ih, bias_hh [2, G*d] | bias [1, G*d]; of a GRU    | B [2, G*d]: of W, of R
//              |                           | that resets after [2, G*d] |
//   peepholes  |                           |                            | P [3, d] of i, o, f
//   projection | weight_hr [w, d]          |                            |
//   LSTM       | i f g o                   | i f c o                    | i o f c
//   GRU        | r z n                     | z r h                      | z r h
//   resets     | after                     | after if reset_after       | after if linear_before_reset,
//              |                           | (default)                  | before by default
//
// kvmem's own order is PyTorch's (kernels/recurrent.hpp). Where two biases are always added they come to one, and the
// second is saved as zeros. All libraries take the new h of a GRU as z h + (1 - z) n.
#pragma once

#include "kvmem/nn/recurrent.hpp"

namespace kvmem {

// The libraries, by the columns of the table above.
enum class WeightFormat { pytorch, keras, onnx };

// One layer in one direction, in the shapes of the table; empty where it has none. Without biases they count as zero.
struct ForeignWeights {
    // Each is the row of the table with this name.
    Matrix input, recurrent, bias = {}, peepholes = {}, projection = {};
};

// Copies weights into a layer of a network, or out of it. Both throw Error, with nothing changed, when the network has
// no such layer, when shapes do not fit, or when the library has no such cell or option.
void load_weights(const Recurrent& network, Index layer, Direction direction, WeightFormat format,
                  const ForeignWeights& weights);
[[nodiscard]] ForeignWeights save_weights(const Recurrent& network, Index layer, Direction direction,
                                          WeightFormat format);

}  // namespace kvmem
