// Distributions that copy: a mixture of what a network generates and of what its attention points at (See et al. 2017,
// eq. 9).
//
//     p_i(y) = g_i softmax(scores_i)(y) + (1 - g_i) sum of weights[j] over the slots j of row i with tokens[j] = y
//
// Shapes: rows n, vocabulary V; the slots of row i are [offsets[i], offsets[i + 1]). The gate g_i is
// sigmoid(gates[i]). A slot of token -1 is no token's. Weights of a row that sum to less than one leave p less than
// one. All throw Error when shapes or tokens do not fit.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <span>

namespace kvmem {

// The input of the mixture. It views all arrays.
struct PointerInput {
    ConstView scores;                // [n, V]
    std::span<const Real> gates;     // [n]
    std::span<const Real> weights;   // of all rows' slots
    std::span<const Token> tokens;   // of all rows' slots
    std::span<const Index> offsets;  // [n + 1]
};

// log p of every token: [n, V].
void pointer_log_probabilities(const PointerInput& in, View out);

// loss[i] = -log p_i(targets[i]), with its gradients, which are overwritten.
struct PointerGradients {
    // Shapes are those of the input.
    View scores;
    std::span<Real> gates, weights;
};
// Writes the losses [n] and the gradients of their sum.
void pointer_loss(const PointerInput& in, std::span<const Token> targets, std::span<Real> loss,
                  const PointerGradients& grads);

}  // namespace kvmem
