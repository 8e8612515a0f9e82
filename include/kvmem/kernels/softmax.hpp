// Softmax over the candidates of an answer, and its cross-entropy.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"

#include <span>

namespace kvmem {

// Each row of `scores` [B, n] to weights that sum to one, in place. A row of -inf alone becomes zeros.
void softmax(View scores);

// loss[i] = -log of the share of column targets[i] in the softmax of row i of scores [B, n], from which the
// columns excluded[i] are left out (other right answers, which must not count as wrong ones). `excluded` may
// be empty. `grad_scores` [B, n] is overwritten with the gradient of loss[i]; it may be `scores` itself.
// A target of -1 has no loss and no gradient; in a row of -inf alone the loss is inf. Throws Error when a target or an
// exclusion is not a column, or the target is excluded itself.
void cross_entropy(ConstView scores, std::span<const Index> targets, RaggedView<Index> excluded, std::span<Real> loss,
                   View grad_scores);

}  // namespace kvmem
