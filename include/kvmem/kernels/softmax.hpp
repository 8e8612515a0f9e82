// Softmax over the candidates of an answer or the next tokens, and its cross-entropy.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"

#include <span>

namespace kvmem {

// Replaces each row of `scores` [B, n] by weights that sum to one. A row of -inf alone becomes zeros.
void softmax(View scores);

// Replaces each row by the logarithms of its softmax. A row of -inf alone stays as it is, and one with NaN or inf
// becomes NaN.
void log_softmax(View scores);

// loss[i] = -log softmax(scores[i])[targets[i]] for scores [B, n], without the columns excluded[i]: other right
// answers, which must not count as wrong ones. `excluded` may be empty. `grad_scores` [B, n] is overwritten with the
// gradient of loss[i], and may be `scores` itself. A target of -1 has no loss and no gradient. In a row of -inf alone
// the loss is inf. Throws Error when a target or an exclusion is not a column, or when the target itself is excluded.
//
// With label smoothing (Szegedy et al. 2016, section 7), from 0 to below 1, the loss is (1 - smoothing) times the one
// above, plus smoothing times the mean of -log softmax(scores[i])[j] over the columns j that count. These are the ones
// that are neither excluded nor masked, which is to have a score of -inf. `grad_scores` must then be a matrix of its
// own.
void cross_entropy(ConstView scores, std::span<const Index> targets, RaggedView<Index> excluded, std::span<Real> loss,
                   View grad_scores, double smoothing = 0);

}  // namespace kvmem
