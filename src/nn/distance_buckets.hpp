// The biases of Positions::relative and Positions::alibi. Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <vector>

namespace kvmem {

// The row of the biases [32, heads] for the distance of a row's position and a slot's (Raffel et al. 2020, and their
// code): those near have one each, those farther away share rows on a scale of logarithms, and all from max_distance on
// share the last one. Layers that are not causal have half of the rows for either side.
inline constexpr Index distance_buckets = 32;
[[nodiscard]] Token bucket_of(Index distance, bool causal, Index max_distance);

// The slope of head h is 2^(-8 (h + 1) / heads) (Press et al. 2022).
[[nodiscard]] std::vector<Real> alibi_slopes(Index heads);

}  // namespace kvmem
