// Recurrent layers: one layer in one direction over whole sequences, which lie one after the other without padding.
//
// With x what the input gives to each gate (W x_t + b), h and c the state before the step, s the logistic function and
// products of vectors number by number, the cells and the order of their gates are:
//
//     rnn               h' = tanh(x + U h)                                     (Elman 1990)
//     lstm              i, f, g, o = s, s, tanh, s(x + U h)                    (Hochreiter and Schmidhuber 1997; Gers,
//                       c' = f c + i g, h' = o tanh(c')                        Schmidhuber and Cummins 2000)
//     gru               r, z = s(x + U h), n = tanh(x_n + r (U_n h + b_r))     ("reset after": cuDNN's and PyTorch's
//                       h' = z h + (1 - z) n                                   form of Cho et al. 2014)
//     gru_reset_before  the same with n = tanh(x_n + U_n (r h))                (Cho et al. 2014, equations 5 to 8)
//     min_gru           z, n = s(x_z), g(x_n), h' = (1 - z) h + z n            (Feng et al. 2024, arXiv 2410.01201)
//     min_lstm          f, i, n = s, s, g(x), h' = (f h + i n) / (f + i)       (the same, with normalised gates)
//
// with g(x) = x + 1/2 for x >= 0 and s(x) below (the positive candidates of its appendix B).
//
// Options of the LSTM. Peepholes: c is added to i and f, and c' to o, times a weight each (Gers, Schraudolph and
// Schmidhuber 2002). Projection: h' = P (o tanh(c')) (Sak, Senior and Beaufays 2014). Layer normalisation (Ba, Kiros
// and Hinton 2016, equations 20 to 22): U h becomes N(U h) gain, and h' = o tanh(N(c') gain + bias).
//
// Shapes: n rows, N sequences, G gates, d the width, w that of h (d, unless there is a projection). The bits of a
// sequence's results do not depend on the other sequences, on their order or on the number of threads. All functions
// throw Error when shapes do not fit.
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/kernels/gated_scan.hpp"

#include <span>

namespace kvmem {

// The cells, by the equations above.
enum class Cell { rnn, lstm, gru, gru_reset_before, min_gru, min_lstm };
// The number G of the gates of a cell, as the equations list them.
[[nodiscard]] Index gate_count(Cell cell);
// Whether the gates of a cell do not read h, so that it has no recurrent weights.
[[nodiscard]] inline bool is_minimal(Cell cell) { return cell == Cell::min_gru || cell == Cell::min_lstm; }

// The weights of a layer, or their gradients. M may be empty where the cell or its options have no such matrix.
template <class M>
struct RecurrentMatrices {
    M input = {};                      // W [G*d, in]; without it x is what the input gives to the gates, [n, G*d]
    M bias = {};                       // b [1, G*d]
    M recurrent = {};                  // U [G*d, w]; not of the minimal cells
    M reset_bias = {};                 // b_r [1, d] of the GRU that resets after
    M peepholes = {};                  // [3, d] of i, f and o
    M projection = {};                 // P [w, d]
    M gate_gain = {};                  // [1, 4*d]: layer normalisation, with the next two
    M cell_gain = {}, cell_bias = {};  // [1, d]
};

// The weights in the order in which products read them.
struct RecurrentPacked;

// What a layer reads in one direction. It views all arrays, which must outlive it.
struct RecurrentCall {
    // The cell, and the order of the steps.
    Cell cell;
    Direction direction = Direction::forwards;
    std::span<const Index> offsets;  // N + 1: sequence i is rows [offsets[i], offsets[i+1])
    ConstView x;                     // [n, in]
    // Matrices that the cell or its options do not have are empty.
    RecurrentMatrices<ConstView> weights = {};
    ConstView h = {}, c = {};  // [N, w], [N, d] before the first step, or empty: zeros
    ConstView mask = {};       // [N, w] or empty: factors of h where U h reads it, the same in all steps of a sequence
    const RecurrentPacked* packed =
        nullptr;  // these weights, unchanged since; if it is of others they are packed again
};

// The sizes of a call.
struct RecurrentShape {
    Index rows, sequences, width, state, gates;  // n, N, d, w, G
};
// Throws Error unless all that the call views fits.
[[nodiscard]] RecurrentShape recurrent_shape(const RecurrentCall& call);

// Packs the weights of a call once for many calls, such as steps; for their backward passes, too, if `training`. Gives
// call.packed if that serves. Valid as long as the arena and the weights.
[[nodiscard]] const RecurrentPacked* pack_recurrent(const RecurrentCall& call, bool training, Arena& arena);

// What forward saves for backward, in the order of the rows.
struct RecurrentSaved {
    View gates;        // [n, G*d]
    View cells = {};   // [n, d]: c' of the LSTM, U_n h + b_r of the GRU that resets after
    View hidden = {};  // [n, d]: h' before its projection
    View sums = {};    // [n, 4*d]: U h before its normalisation
    View scales = {};  // [n, 4]: means and inverse deviations of U h and c'
};
// Room for it. If it is not `training`, it has all that forward alone needs.
[[nodiscard]] RecurrentSaved recurrent_room(const RecurrentCall& call, bool training, Arena& arena);

// Writes `saved`, out [n, w], and what is left after the last step of each sequence, of an empty one its initial state:
// last_h [N, w] and, of an LSTM, last_c [N, d].
void recurrent(const RecurrentCall& call, const RecurrentSaved& saved, View out, View last_h, View last_c,
               Arena& scratch);

// Gradients of `out` and of the last states; empty ones are zero.
struct RecurrentOutputGradients {
    // Shapes are those of the arrays.
    ConstView out = {}, last_h = {}, last_c = {};
};
// All are added to, unless they are empty.
struct RecurrentInputGradients {
    // Shapes are those of the call.
    View x = {};
    View h = {}, c = {};  // of the initial states
    // These are of all sequences together.
    RecurrentMatrices<View> weights = {};
};
// The backward pass, from what recurrent() saved and wrote. Throws Error when shapes do not fit.
void recurrent_backward(const RecurrentCall& call, const RecurrentSaved& saved, ConstView out,
                        const RecurrentOutputGradients& grad_out, const RecurrentInputGradients& grad_in,
                        Arena& scratch);

namespace naive {
// In double, sequence by sequence.
void recurrent(const RecurrentCall& call, View out, View last_h, View last_c);
}  // namespace naive

}  // namespace kvmem
