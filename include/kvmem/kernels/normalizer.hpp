// From a row of scores to attention weights, and the backward pass.
#pragma once

#include "kvmem/kernels/attend.hpp"

namespace kvmem {

// Replaces scores by weights, which sum to one except with Normalizer::none, and returns the log-sum-exp of the scores
// (top_k: of the k largest). A score of -inf gets weight 0. A row of -inf alone becomes zeros and returns -inf. A NaN
// makes the weights NaN. `scratch` holds as many numbers as the row; only top_k and none use it. Both functions throw
// Error when sizes do not fit or the normalizer is unknown.
Real normalize_scores(Normalizer normalizer, Index top_k, std::span<Real> scores, std::span<Real> scratch);

// Replaces the gradient of the weights by that of the scores.
void normalize_scores_backward(Normalizer normalizer, std::span<const Real> weights, std::span<Real> grad);

}  // namespace kvmem
