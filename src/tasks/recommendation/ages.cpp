#include "tasks/recommendation/ages.hpp"

#include "kvmem/tasks/recommendation/event_memory.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

Index age_bucket(Index now, Index time) {
    const auto day = [](Index seconds) { return std::floor(static_cast<double>(seconds) / seconds_per_day); };
    const double days = std::max(day(now) - day(time), 0.0) + 1;
    return std::clamp(static_cast<Index>(std::log2(days)), Index{0}, age_buckets);
}

Matrix one_hot_ages(std::span<const Index> buckets) {
    Matrix onehot(std::ssize(buckets), age_buckets);
    for (Index i = 0; i < onehot.rows(); ++i)
        if (buckets[i] < age_buckets) onehot(i, buckets[i]) = 1;
    return onehot;
}

}  // namespace kvmem
