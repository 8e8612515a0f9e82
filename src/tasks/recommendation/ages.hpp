// How long ago an event was, in the buckets of ATRank (Zhou et al. 2018). Not installed.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <span>

namespace kvmem {

// The columns of one_hot_ages().
inline constexpr Index age_buckets = 12;
// The number of powers of two from 2 to 4096 that are at most `days` + 1, with days counted from midnight to midnight:
// 0 to age_buckets.
[[nodiscard]] Index age_bucket(Index now, Index time);
// [buckets.size(), age_buckets]: 1 at the bucket; a row of the number age_buckets has none.
[[nodiscard]] Matrix one_hot_ages(std::span<const Index> buckets);

}  // namespace kvmem
