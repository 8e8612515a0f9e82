// From a row of scores to weights that sum to one (but for Normalizer::none), and back.
#pragma once

#include "kvmem/kernels/attend.hpp"

namespace kvmem {

// In place. Scores of -inf get weight 0; a row without any other becomes zeros. Returns the log-sum-exp of the scores
// (with top_k: of the k largest), -inf for such a row. NaN among the scores makes weights NaN. `scratch` holds as many
// numbers as the row and is used by top_k and none. Both throw Error when sizes do not fit.
Real normalize_scores(Normalizer normalizer, Index top_k, std::span<Real> scores, std::span<Real> scratch);

// In place, from the gradient of the weights to that of the scores.
void normalize_scores_backward(Normalizer normalizer, std::span<const Real> weights, std::span<Real> grad);

}  // namespace kvmem
