#include "kvmem/kernels/pointer.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem {

static void check(const PointerInput& in, const char* where) {
    const Index rows = in.scores.rows, vocabulary = in.scores.cols;
    const bool fit = std::ssize(in.gates) == rows && std::ssize(in.offsets) == rows + 1 && in.offsets.front() == 0 &&
                     in.offsets.back() == std::ssize(in.weights) && in.weights.size() == in.tokens.size() &&
                     std::ranges::is_sorted(in.offsets) &&
                     std::ranges::all_of(in.tokens, [&](Token t) { return t >= -1 && t < vocabulary; });
    require_shape(fit, where, "a gate for each row, a weight and a token of the vocabulary, or -1, for each slot");
}

static Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }

void pointer_log_probabilities(const PointerInput& in, View out) {
    check(in, "pointer_log_probabilities");
    require_shape(same_shape(in.scores, out), "pointer_log_probabilities", "an output of the scores' shape");
    for (Index i = 0; i < out.rows; ++i) {
        const std::span<Real> p = out.middle_rows(i, 1).span();
        std::ranges::copy(in.scores.middle_rows(i, 1).span(), p.begin());
        detail::simd().softmax_row(p.data(), out.cols);
        const Real gate = sigmoid(in.gates[i]), rest = sigmoid(-in.gates[i]);
        for (Real& x : p) x *= gate;
        for (Index j = in.offsets[i]; j < in.offsets[i + 1]; ++j)
            if (in.tokens[j] >= 0) p[in.tokens[j]] += rest * in.weights[j];
        for (Real& x : p) x = std::log(x);
    }
}

void pointer_loss(const PointerInput& in, std::span<const Token> targets, std::span<Real> loss,
                  const PointerGradients& grads) {
    check(in, "pointer_loss");
    const Index rows = in.scores.rows, vocabulary = in.scores.cols;
    const bool fit = std::ssize(targets) == rows && std::ssize(loss) == rows && same_shape(in.scores, grads.scores) &&
                     grads.gates.size() == in.gates.size() && grads.weights.size() == in.weights.size() &&
                     std::ranges::all_of(targets, [&](Token t) { return t >= 0 && t < vocabulary; });
    require_shape(fit, "pointer_loss", "a target of the vocabulary for each row, and gradients of their shapes");
    for (Index i = 0; i < rows; ++i) {
        const Token target = targets[i];
        const std::span<Real> generated = grads.scores.middle_rows(i, 1).span();
        std::ranges::copy(in.scores.middle_rows(i, 1).span(), generated.begin());
        detail::simd().softmax_row(generated.data(), vocabulary);
        const Real gate = sigmoid(in.gates[i]), rest = sigmoid(-in.gates[i]);
        Real copied = 0;
        for (Index j = in.offsets[i]; j < in.offsets[i + 1]; ++j)
            if (in.tokens[j] == target) copied += in.weights[j];
        // The smallest number keeps the loss of an impossible target finite, and its gradients zero or finite.
        const Real p = std::max(gate * generated[target] + rest * copied, std::numeric_limits<Real>::min());
        loss[i] = -std::log(p);
        grads.gates[i] = -(generated[target] - copied) / p * gate * rest;
        for (Index j = in.offsets[i]; j < in.offsets[i + 1]; ++j)
            grads.weights[j] = in.tokens[j] == target ? -rest / p : Real{0};
        const Real share = gate * generated[target] / p;  // of the generated part in p
        for (Real& x : generated) x *= share;
        generated[target] -= share;
    }
}

}  // namespace kvmem
